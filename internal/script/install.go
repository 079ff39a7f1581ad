package script

import (
	"bytes"
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
	// Finished is when the last one succeeded; zero if none is known.
	Finished time.Time
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
		Args: append(args, flags...), Dir: s.ws.Root, Env: s.plain(packageSettings{nodeSettings: s.nodeSettings}, o),
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
	if mark := s.missingMark(p.Finished); mark != "" {
		return "node_modules lacks " + mark + ", which " + string(s.ws.Manager) + " writes last"
	}
	if s.changedAfter(p.Finished) {
		if gone := s.missingOfBun(); gone != "" {
			return "node_modules lacks " + gone + ", which " + bunFile + " lists"
		}
	}
	return s.missingMember(p.Needed)
}

// ownMarks are the files that managers write at the end of an installation, relative to
// the root.
var ownMarks = []string{
	npmMark, modulesFile, yarnMark, berryMark, ".pnp.cjs",
}

const (
	npmMark   = "node_modules/.package-lock.json"
	yarnMark  = "node_modules/.yarn-integrity"
	berryMark = "node_modules/.yarn-state.yml"
)

// isolated are folders of managers that give each package that depends on anything its own
// node_modules: Bun's, and that of yarn's pnpm linker. Neither marks the end.
var isolated = []string{"node_modules/.bun", "node_modules/.store"}

// missingMark is the mark that an installation, by hand perhaps, would have left if it had
// ended; empty if nothing suggests that it did not. Any manager's mark will do, and so will
// a folder that has not changed since heapmage installed, one without packages, or one that
// is a link: others look after that.
func (s *Settings) missingMark(finished time.Time) string {
	mark := ""
	switch {
	case s.ws.Manager == workspace.NPM && (s.version == "" || s.major() >= 7): // older ones have none
		mark = npmMark
	case s.ws.Manager == workspace.PNPM:
		mark = modulesFile
	case s.ws.Berry():
		mark = berryMark
	case s.ws.Manager == workspace.Yarn:
		mark = yarnMark
	}
	if mark == "" || !s.changedAfter(finished) || slices.ContainsFunc(slices.Concat(ownMarks, isolated), s.has) {
		return ""
	}
	entries, _ := os.ReadDir(filepath.Join(s.ws.Root, "node_modules")) // what cannot be read tells nothing
	if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == ".pnpm" || !strings.HasPrefix(e.Name(), ".") }) {
		return ""
	}
	return path.Base(mark)
}

// changedAfter reports whether node_modules is a folder that has changed after a time.
func (s *Settings) changedAfter(finished time.Time) bool {
	info, err := os.Lstat(filepath.Join(s.ws.Root, "node_modules"))
	return err == nil && info.IsDir() && info.ModTime().After(finished)
}

// has reports whether something is in the workspace, at a path from its root.
func (s *Settings) has(name string) bool {
	dir, base := path.Split(name)
	return folder.Has(filepath.Join(s.ws.Root, dir), base)
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

// missingMember is why one of the packages lacks its own node_modules, which a script may
// have removed.
func (s *Settings) missingMember(needed []*workspace.Package) string {
	gone := slices.DeleteFunc(slices.Clone(needed), func(p *workspace.Package) bool { return p.Dir == "." || folder.Has(p.Path, "node_modules") })
	if len(gone) == 0 {
		return ""
	}
	for _, p := range gone {
		if s.givesOwn(p) {
			return path.Join(p.Dir, "node_modules") + " is missing"
		}
	}
	for _, mark := range []string{npmMark, yarnMark, berryMark} { // they list what was installed
		had := ownFolders(folder.Read(s.ws.Root, mark))
		for _, p := range gone {
			if had[p.Dir] {
				return path.Join(p.Dir, "node_modules") + " is missing"
			}
		}
	}
	return ""
}

// ownFolders are the folders that have a node_modules of their own, by the quoted paths in a
// list of what was installed.
func ownFolders(list []byte) map[string]bool {
	const modules = "/node_modules"
	dirs := map[string]bool{}
	for {
		at := bytes.Index(list, []byte(modules))
		if at < 0 {
			return dirs
		}
		if quote := bytes.LastIndexByte(list[:at], '"'); quote >= 0 {
			dirs[string(list[quote+1:at])] = true
		}
		list = list[at:]
		next := bytes.IndexByte(list, '"') // the rest of the path is deeper
		if next < 0 {
			return dirs
		}
		list = list[next:]
	}
}

// givesOwn reports whether the manager gives a package its own node_modules because that
// depends on anything.
func (s *Settings) givesOwn(p *workspace.Package) bool {
	fields := []string{"dependencies", "devDependencies"}
	modules, ok := s.readModules()
	switch {
	case s.ws.Manager == workspace.PNPM && ok && modules.Linker != "hoisted":
		fields = slices.DeleteFunc(fields, func(field string) bool {
			included, told := modules.Included[field]
			return told && !included
		})
	case s.ws.Manager != workspace.PNPM && slices.ContainsFunc(isolated, s.has):
	default:
		return false
	}
	return dependsOnAny([]*workspace.Package{p}, fields...)
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
	`|ERR_PNPM_(?:OUTDATED_LOCKFILE|LOCKFILE_CONFIG_MISMATCH)|lockfile needs to be updated|YN0028|lockfile would have been (?:modified|created)|lockfile had changes, but lockfile is frozen`)

// InstallAdvice is what to do about an installation that failed, given the end of its
// output.
func InstallAdvice(s *Settings, output []byte) string {
	if s.ws.LockFile != "" && staleLock.Match(output) {
		return s.ws.LockFile + " does not fit package.json: run " + s.renewal() + ", and commit the file"
	}
	return "run it by hand in that folder and fix what it reports"
}

// renewal is the command that brings the lock file up to date, also in CI, where pnpm and
// yarn 2 and newer keep to it unless they are told otherwise.
func (s *Settings) renewal() string {
	command := string(s.ws.Manager) + " install"
	switch {
	case s.ws.Manager == workspace.PNPM:
		command += " --no-frozen-lockfile"
	case s.ws.Berry():
		command += " --no-immutable"
	}
	return command
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
