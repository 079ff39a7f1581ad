package script

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Install returns the step that installs the workspace's dependencies, and the
// reason for it; without a reason nothing has to be done. If there is a lock file,
// the manager installs what it lists and does not change it.
func Install(s *Settings, o Options) (step Step, reason string, err error) {
	switch {
	case s.ws.Manager == workspace.Go, !s.hasDependencies():
		return Step{}, "", nil
	case s.plugNPlay():
		return Step{}, "", nil
	case s.ws.PnP:
		reason = ".pnp.cjs is missing"
	case folder.Has(s.ws.Root, "node_modules"):
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
		event: "install", Command: strings.Join(append(shown, flags...), " "),
		Args: append(args, flags...), Dir: s.ws.Root, Env: s.plain(o),
	}, reason, nil
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

// hasDependencies tells whether any package of the workspace depends on anything.
func (s *Settings) hasDependencies() bool {
	packages := s.ws.Packages
	if s.ws.RootPackage != nil {
		packages = append(slices.Clip(packages), s.ws.RootPackage)
	}
	for _, p := range packages {
		var manifest struct {
			Dependencies         map[string]any `json:"dependencies"`
			DevDependencies      map[string]any `json:"devDependencies"`
			OptionalDependencies map[string]any `json:"optionalDependencies"`
		}
		// The managers ignore a field of the wrong type.
		_ = json.Unmarshal(p.Manifest, &manifest)
		if len(manifest.Dependencies)+len(manifest.DevDependencies)+len(manifest.OptionalDependencies) > 0 {
			return true
		}
	}
	return false
}
