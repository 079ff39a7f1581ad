package installstate

import (
	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/workspace"
)

// modulesFile is what pnpm writes about its last installation.
const modulesFile = "node_modules/.modules.yaml"

type pnpmModules struct {
	Linker   string              `yaml:"nodeLinker"`
	Included map[string]bool     `yaml:"included"`
	Injected map[string][]string `yaml:"injectedDeps"`
}

// readModules reads that file. ok is false if it is missing or not as expected.
func (i Installation) readModules() (modules pnpmModules, ok bool) {
	text := folder.Read(i.ws.Root, modulesFile)
	ok = text != nil && yaml.Unmarshal(text, &modules) == nil
	return modules, ok
}

// Injects reports whether pnpm has copied a package into others that depend on it, instead of
// linking to it.
func (i Installation) Injects(pkg *workspace.Package) bool {
	modules, _ := i.readModules() // what cannot be read lists nothing
	return len(modules.Injected[pkg.Dir]) > 0
}
