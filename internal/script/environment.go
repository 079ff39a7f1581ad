package script

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/workspace"
)

// environment is what a package's script sees: what the manager sets, over the
// user's own. What an outer "npm run" said of its package does not reach through.
func (s *Settings) environment(pkg *workspace.Package, o Options) []string {
	env := s.base(o)
	env.set(environ.PWD, pkg.Path)
	if pkg.Manifest == nil {
		return env.list(o.Extra)
	}
	for name := range env {
		if strings.HasPrefix(name, environ.NPMPackagePrefix) || strings.HasPrefix(name, environ.NPMLifecyclePrefix) {
			delete(env, name)
		}
	}
	env.set(environ.Path, s.path(pkg, o.Environ))
	if env[environ.InitCWD] == "" {
		env.set(environ.InitCWD, o.InitDir)
	}
	env.set(environ.Node, s.Node.Path)
	env.set(environ.NPMNodeExecPath, s.Node.Path)
	env.set(environ.NPMCommand, "run-script")
	if s.ws.Manager == workspace.NPM && strings.HasPrefix(s.version, "11.") {
		env.set(environ.NPMCommand, "run")
	}
	if s.execPath != "" {
		env.set(environ.NPMExecPath, s.execPath)
		if gyp := filepath.Join(s.managerDir(), "node_modules", "node-gyp", "bin", "node-gyp.js"); s.ws.Manager == workspace.NPM && isFile(gyp) {
			env.set(environ.NPMNodeGyp, gyp)
		}
	}
	agent := string(s.ws.Manager) + "/" + s.version
	if s.version == "" {
		agent = string(s.ws.Manager) + "/?"
	}
	if s.ws.Manager != workspace.NPM {
		agent += " npm/?"
	}
	agent += " node/v" + s.Node.Version + " " + platform() + " " + architecture()
	if s.ws.Manager == workspace.NPM {
		agent += " workspaces/" + map[bool]string{true: "true", false: "false"}[len(s.ws.Packages) > 1]
	}
	env.set(environ.NPMUserAgent, agent)
	env.set(environ.NPMLocalPrefix, s.ws.Root)
	if env[environ.Editor] == "" {
		env.set(environ.Editor, "vi")
	}
	if o.Colour {
		env.set(environ.Color, "1")
	} else {
		env.set(environ.Color, "0")
	}
	switch {
	case s.ws.Manager == workspace.PNPM:
		env.set(environ.PNPMSourceDir, pkg.Path)
	case s.ws.Berry():
		env.set(environ.ProjectCWD, s.ws.Root)
	}
	describe(env, pkg)
	return env.list(o.Extra)
}

// plain is the user's environment with our limits, for commands that are no
// scripts.
func (s *Settings) plain(o Options) []string {
	env := s.base(o)
	return env.list(o.Extra)
}

// base is the user's environment with the options for Node.
func (s *Settings) base(o Options) variables {
	env := variables{}
	for _, entry := range o.Environ {
		if name, v, ok := strings.Cut(entry, "="); ok {
			env.set(name, v)
		}
	}
	options := append(slices.Clone(s.nodeOptions), o.NodeOptions...)
	if o.HeapLimit > 0 {
		options = withHeapLimit(options, o.HeapLimit)
	}
	if len(options) > 0 {
		env.set(environ.NodeOptions, joinNodeOptions(options))
	}
	if _, said := env[environ.ForceColor]; o.Colour && !said && env[environ.NoColor] == "" {
		env.set(environ.ForceColor, "1") // the output is a pipe to them, a terminal to the user
	}
	return env
}

// path has the bin folders of the package and of every folder above it first.
func (s *Settings) path(pkg *workspace.Package, env []string) string {
	var dirs []string
	for dir := pkg.Path; ; dir = filepath.Dir(dir) {
		if filepath.Base(dir) != "node_modules" {
			dirs = append(dirs, filepath.Join(dir, "node_modules", ".bin"))
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if s.ws.Manager == workspace.NPM && s.execPath != "" {
		gyp := filepath.Join(s.managerDir(), "node_modules", "@npmcli", "run-script", "lib", "node-gyp-bin")
		if _, err := os.Stat(gyp); err == nil {
			dirs = append(dirs, gyp)
		}
	}
	return strings.Join(append(dirs, environ.Value(env, environ.Path)), string(filepath.ListSeparator))
}

// managerDir is the manager's folder: the program is …/npm/bin/npm-cli.js.
func (s *Settings) managerDir() string { return filepath.Dir(filepath.Dir(s.execPath)) }

// describe sets npm_package_*: the name, version and file of the package, and
// its bin, config and engines, as npm 7 and newer do.
func describe(env variables, pkg *workspace.Package) {
	env.set(environ.NPMPackageJSON, filepath.Join(pkg.Path, "package.json"))
	if pkg.DeclaredName != "" {
		env.set(environ.NPMPackageName, pkg.DeclaredName)
	}
	env.set(environ.NPMPackageVersion, pkg.Version)
	var manifest struct {
		Bin     any            `json:"bin"`
		Config  map[string]any `json:"config"`
		Engines map[string]any `json:"engines"`
	}
	// A field of an odd type is left out, as npm does; the file itself was read before.
	_ = json.Unmarshal(pkg.Manifest, &manifest)
	switch bin := manifest.Bin.(type) {
	case string:
		env.set(environ.NPMPackageBin+"_"+pkg.DeclaredName[strings.LastIndex(pkg.DeclaredName, "/")+1:], bin)
	case map[string]any:
		flatten(env, environ.NPMPackageBin, bin)
	}
	flatten(env, environ.NPMPackageConfig, manifest.Config)
	flatten(env, environ.NPMPackageEngines, manifest.Engines)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func flatten(env variables, prefix string, fields map[string]any) {
	for key, v := range fields {
		name := prefix + "_" + key
		switch v := v.(type) {
		case string:
			env.set(name, v)
		case map[string]any:
			flatten(env, name, v)
		case nil:
			env.set(name, "")
		default:
			if text, err := json.Marshal(v); err == nil {
				env.set(name, string(text))
			}
		}
	}
}

// variables is an environment by name.
type variables map[string]string

func (v variables) set(name, value string) {
	if runtime.GOOS == "windows" { // letter case does not matter there
		for known := range v {
			if known != name && strings.EqualFold(known, name) {
				delete(v, known)
			}
		}
	}
	v[name] = value
}

// list writes the environment in order of its names, with extra entries over it.
func (v variables) list(extra []string) []string {
	for _, entry := range extra {
		if name, value, ok := strings.Cut(entry, "="); ok {
			v.set(name, value)
		}
	}
	list := make([]string, 0, len(v))
	for name, value := range v {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// platform and architecture are Node's names of this system.
func platform() string {
	if runtime.GOOS == "windows" {
		return "win32"
	}
	return runtime.GOOS
}

func architecture() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x64"
	case "386":
		return "ia32"
	}
	return runtime.GOARCH
}
