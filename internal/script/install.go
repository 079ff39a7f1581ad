package script

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/heapmage/heapmage/internal/workspace"
)

// Install returns the step that installs the workspace's dependencies, and why
// it is needed; without a reason nothing is to be done. The manager keeps to
// its lock file where there is one.
func Install(s *Settings, o Options) (step Step, reason string, err error) {
	switch {
	case s.ws.Manager == workspace.Go, !s.hasDependencies():
		return Step{}, "", nil
	case s.plugNPlay():
		return Step{}, "", nil
	case s.ws.PnP:
		reason = ".pnp.cjs is missing"
	case exists(s.ws.Root, "node_modules"):
		return Step{}, "", nil
	default:
		reason = "node_modules is missing"
	}
	args, err := s.managerCommand(o.Environ)
	if err != nil {
		return Step{}, "", err
	}
	shown := []string{string(s.ws.Manager)}
	flags := s.installFlags()
	o.HeapLimit = 0
	return Step{
		Event: "install", Command: strings.Join(append(shown, flags...), " "),
		Args: append(args, flags...), Dir: s.ws.Root, Env: s.plain(o),
	}, reason, nil
}

// plugNPlay tells whether Yarn Plug'n'Play is installed now. The install step of
// a fresh clone may have brought it: its file is usually not committed.
func (s *Settings) plugNPlay() bool {
	return s.ws.Manager == workspace.Yarn && (exists(s.ws.Root, ".pnp.cjs") || exists(s.ws.Root, ".pnp.js"))
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

var anyDependency = regexp.MustCompile(`"(?:d|devD|optionalD)ependencies"\s*:\s*\{\s*"`)

// hasDependencies tells whether any package of the workspace depends on anything.
func (s *Settings) hasDependencies() bool {
	packages := s.ws.Packages
	if s.ws.RootPackage != nil {
		packages = append(packages[:len(packages):len(packages)], s.ws.RootPackage)
	}
	for _, p := range packages {
		if anyDependency.Match(p.Manifest) {
			return true
		}
	}
	return false
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}
