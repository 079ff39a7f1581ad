package script

import (
	"encoding/json"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/workspace"
)

// describeRun sets what the manager tells a script about the run and about
// itself.
func (s *Settings) describeRun(env variables, o Options) {
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
		gyp := filepath.Join("node_modules", "node-gyp", "bin", "node-gyp.js")
		if s.ws.Manager == workspace.NPM && folder.HasFile(s.managerDir(), gyp) {
			env.set(environ.NPMNodeGyp, filepath.Join(s.managerDir(), gyp))
		}
	}
	env.set(environ.NPMUserAgent, s.userAgent())
	env.set(environ.NPMLocalPrefix, s.ws.Root)
	if env[environ.Editor] == "" {
		env.set(environ.Editor, "vi")
	}
	if o.Colour {
		env.set(environ.Color, "1")
	} else {
		env.set(environ.Color, "0")
	}
}

// userAgent is the manager's, such as
// "npm/10.9.2 node/v22.23.1 linux x64 workspaces/false".
func (s *Settings) userAgent() string {
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
	return agent
}

// path is the PATH with the bin folders of the package and of every folder above
// it first.
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
		gyp := filepath.Join("node_modules", "@npmcli", "run-script", "lib", "node-gyp-bin")
		if folder.Has(s.managerDir(), gyp) {
			dirs = append(dirs, filepath.Join(s.managerDir(), gyp))
		}
	}
	return strings.Join(append(dirs, environ.Value(env, environ.Path)), string(filepath.ListSeparator))
}

// describePackage sets npm_package_*: the package's name, version and file, and
// its bin, config and engines, as npm 7 and newer do.
func describePackage(env variables, pkg *workspace.Package) {
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
	// npm leaves out a field of the wrong type. That the file is JSON was seen
	// when the workspace was loaded.
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

// flatten sets a variable for each value in an object: PREFIX_KEY_KEY.
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

// platform is Node's name of this system.
func platform() string {
	if runtime.GOOS == "windows" {
		return "win32"
	}
	return runtime.GOOS
}

// architecture is Node's name of this processor.
func architecture() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x64"
	case "386":
		return "ia32"
	}
	return runtime.GOARCH
}
