package script

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Present is what is known of the dependencies before a run.
type Present struct {
	// Unfinished is when an installation of heapmage's began that did not succeed; zero if
	// there is none.
	Unfinished time.Time
	// Needed are the packages whose scripts run.
	Needed []*workspace.Package
}

// Install returns the step that installs the workspace's dependencies, and the
// reason for it; without a reason nothing has to be done. If there is a lock file,
// the manager installs what it lists and does not change it.
func Install(s *Settings, p Present, o Options) (step Step, reason string, err error) {
	if reason = s.missing(p); reason == "" {
		return Step{}, "", nil
	}
	args, err := s.managerCommand()
	if err != nil {
		return Step{}, "", err
	}
	shown := []string{string(s.ws.Manager)}
	flags := s.installFlags()
	o.HeapLimit = 0
	return Step{
		event: "install", Command: strings.Join(append(shown, flags...), " "),
		Args: append(args, flags...), Dir: s.ws.Root, Env: s.plain(o),
	}, reason, nil
}

// missing is why dependencies have to be installed; empty if nothing has to be done.
func (s *Settings) missing(p Present) string {
	switch {
	case s.ws.Manager == workspace.Go, !dependsOnAny(s.ws.All(), runtimeFields...):
		return ""
	case !p.Unfinished.IsZero() && !s.finishedAfter(p.Unfinished):
		return "the last installation was not finished"
	case s.plugNPlay():
		return ""
	case s.ws.PnP:
		return ".pnp.cjs is missing"
	case onlyCaches(filepath.Join(s.ws.Root, "node_modules")):
		return "node_modules is missing"
	}
	return s.missingMember(p.Needed)
}

// ownMarks are the files that managers write at the end of an installation, relative to
// the root.
var ownMarks = []string{
	"node_modules/.package-lock.json", modulesFile, "node_modules/.yarn-integrity", "node_modules/.yarn-state.yml", ".pnp.cjs",
}

// finishedAfter reports whether an installation, by hand perhaps, ended after a time.
func (s *Settings) finishedAfter(since time.Time) bool {
	return slices.ContainsFunc(ownMarks, func(mark string) bool {
		info, err := os.Stat(filepath.Join(s.ws.Root, mark))
		return err == nil && info.ModTime().After(since)
	})
}

// caches are folders that tools make in node_modules, whether dependencies are installed
// or not.
var caches = []string{".cache", ".vite", ".vite-temp", ".tmp"}

// onlyCaches reports whether a node_modules folder is missing, or holds only caches.
func onlyCaches(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return os.IsNotExist(err)
	}
	return len(entries) > 0 && !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !slices.Contains(caches, e.Name()) })
}

// missingMember is why one of the packages lacks its dependencies: pnpm gives each package
// that depends on anything its own node_modules, which a script may have removed.
func (s *Settings) missingMember(needed []*workspace.Package) string {
	if s.ws.Manager != workspace.PNPM {
		return ""
	}
	modules, ok := s.readModules()
	if !ok || modules.Linker == "hoisted" {
		return ""
	}
	fields := slices.DeleteFunc([]string{"dependencies", "devDependencies"}, func(field string) bool {
		included, told := modules.Included[field]
		return told && !included
	})
	for _, p := range needed {
		if dependsOnAny([]*workspace.Package{p}, fields...) && !folder.Has(p.Path, "node_modules") {
			return path.Join(p.Dir, "node_modules") + " is missing"
		}
	}
	return ""
}

// plugNPlay tells whether Yarn Plug'n'Play is installed now. In a fresh clone only
// the install step brings its file, which is usually not committed.
func (s *Settings) plugNPlay() bool {
	return s.ws.Manager == workspace.Yarn && (folder.Has(s.ws.Root, ".pnp.cjs") || folder.Has(s.ws.Root, ".pnp.js"))
}

func (s *Settings) installFlags() []string {
	locked := s.ws.LockFile != ""
	switch {
	case s.ws.Manager == workspace.NPM && locked:
		return []string{"ci"}
	case !locked, s.ws.Manager == workspace.NPM:
		return []string{"install"}
	case s.ws.Berry():
		return []string{"install", "--immutable"}
	default: // pnpm, yarn 1, bun
		return []string{"install", "--frozen-lockfile"}
	}
}

// staleLock is how the managers say that their lock file does not fit package.json.
var staleLock = regexp.MustCompile("can only install packages when your package.json and" +
	`|ERR_PNPM_OUTDATED_LOCKFILE|lockfile needs to be updated|YN0028|lockfile would have been (?:modified|created)|lockfile had changes, but lockfile is frozen`)

// InstallAdvice is what to do about an installation that failed, given the end of its
// output.
func InstallAdvice(s *Settings, output []byte) string {
	if s.ws.LockFile != "" && staleLock.Match(output) {
		return s.ws.LockFile + " does not fit package.json: run " + string(s.ws.Manager) + " install, and commit the file"
	}
	return "run it by hand in that folder and fix what it reports"
}

var runtimeFields = []string{"dependencies", "devDependencies", "optionalDependencies"}

// dependsOnAny tells whether any of the packages depends on anything, in these fields of
// its package.json.
func dependsOnAny(packages []*workspace.Package, fields ...string) bool {
	for _, p := range packages {
		var manifest map[string]json.RawMessage
		// The managers ignore a field of the wrong type.
		_ = json.Unmarshal(p.Manifest, &manifest)
		for _, field := range fields {
			var entries map[string]any
			if json.Unmarshal(manifest[field], &entries) == nil && len(entries) > 0 {
				return true
			}
		}
	}
	return false
}
