package script

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/npmconfig"
	"github.com/heapmage/heapmage/internal/workspace"
)

// describe sets what the manager tells a script about the run, about itself and about the
// package. parity_test.go compares this with each manager.
func (s *Settings) describe(env variables, pkg *workspace.Package, o Options) {
	env.set(environ.NPMUserAgent, s.userAgent(pkg))
	if s.Node.Path != "" {
		env.set(environ.NPMNodeExecPath, s.Node.Path)
	}
	if s.program.File != "" {
		env.set(environ.NPMExecPath, s.program.File)
	}
	if env[environ.InitCWD] == "" && s.ws.Manager != workspace.Bun {
		env.set(environ.InitCWD, o.InitDir)
	}
	if s.Node.Path != "" && !s.ws.Berry() {
		env.set(environ.Node, s.Node.Path)
	}
	if s.ws.Manager != workspace.Yarn {
		env.set(environ.NPMCommand, "run-script")
	}
	if s.ws.Manager == workspace.NPM || s.ws.Manager == workspace.PNPM && s.major() < 11 || s.ws.Manager == workspace.Yarn && !s.ws.Berry() {
		for name, value := range s.config.Variables() {
			env.set(name, value)
		}
	}
	switch {
	case s.ws.Manager == workspace.NPM:
		s.describeNPM(env, o)
	case s.ws.Manager == workspace.PNPM:
		s.describePNPM(env, pkg)
	case s.ws.Berry():
		env.set(environ.ProjectCWD, s.ws.Root)
		if o.Bin != "" {
			env.set(environ.BerryBinFolder, o.Bin)
			env.set(environ.NPMExecPath, filepath.Join(o.Bin, "yarn"))
		}
	case s.ws.Manager == workspace.Yarn:
		for key, value := range yarnDefaults {
			if _, set := env[environ.NPMConfigPrefix+key]; !set {
				env.set(environ.NPMConfigPrefix+key, value)
			}
		}
		env.set(environ.YarnWrapOutput, "false")
	case s.ws.Manager == workspace.Bun:
		env.set(environ.NPMLocalPrefix, pkg.Path)
	}
	s.describePackage(env, pkg)
}

// describeNPM sets npm's settings, as far as scripts are known to read them.
func (s *Settings) describeNPM(env variables, o Options) {
	if strings.HasPrefix(s.version, "11.") {
		env.set(environ.NPMCommand, "run")
	}
	home := s.config.Home()
	for key, value := range map[string]string{
		"local_prefix": s.ws.Root, "npm_version": s.version, "noproxy": "",
		"userconfig": s.config.User, "globalconfig": s.config.Global, "prefix": s.config.Prefix, "global_prefix": s.config.Prefix,
		"cache": s.config.Path("cache", filepath.Join(home, ".npm")), "init_module": s.config.Path("init-module", filepath.Join(home, ".npm-init.js")),
	} {
		env.set(environ.NPMConfigPrefix+key, value)
	}
	if gyp := s.own("node_modules", "node-gyp", "bin", "node-gyp.js"); gyp != "" {
		env.set(environ.NPMNodeGyp, gyp)
	}
	if env[environ.Editor] == "" {
		env.set(environ.Editor, "vi")
	}
	env.set(environ.Color, "0")
	if o.Colour {
		env.set(environ.Color, "1")
	}
}

// describePNPM sets what pnpm adds. Its own program must not install anything when a
// script calls it.
func (s *Settings) describePNPM(env variables, pkg *workspace.Package) {
	env.set(environ.PNPMSourceDir, pkg.Path)
	if s.major() < 11 {
		env.set(environ.NPMConfigPrefix+"frozen_lockfile", "")
	}
	if s.major() == 10 {
		s.describeFile(env)
		env.set(environ.NPMConfigPrefix+"npm_globalconfig", s.config.Global)
		env.set(environ.NPMConfigPrefix+"globalconfig", s.config.Further)
	}
	for _, entry := range s.noInstall() {
		name, value, _ := strings.Cut(entry, "=")
		env.set(name, value)
	}
	if gyp := s.own("dist", "node_modules", "node-gyp", "bin", "node-gyp.js"); gyp != "" {
		env.set(environ.NPMNodeGyp, gyp)
	}
}

// describeFile sets what pnpm-workspace.yaml says, as pnpm 10 does, except for lists.
func (s *Settings) describeFile(env variables) {
	var all map[string]any
	_ = s.ws.PNPM.Decode(&all) // that it is a mapping was seen when the workspace was loaded
	for key, v := range all {
		name := environ.NPMConfigPrefix + strings.ToLower(upper.ReplaceAllString(key, "${1}_${2}"))
		switch v := v.(type) {
		case []any:
		case string:
			env.set(name, v)
		default:
			text, _ := json.Marshal(v) // every value of a YAML file without odd keys has a JSON form
			env.set(name, npmconfig.Shown(string(text)))
		}
	}
}

var upper = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// yarnDefaults are settings of yarn 1 that it shows to scripts.
var yarnDefaults = map[string]string{
	"bin_links": "true", "ignore_optional": "", "ignore_scripts": "", "init_license": "MIT", "init_version": "1.0.0",
	"save_prefix": "^", "strict_ssl": "true", "version_commit_hooks": "true", "version_git_message": "v%s",
	"version_git_sign": "", "version_git_tag": "true", "version_tag_prefix": "v",
}

// describeStep is what the manager tells about one step of the script name.
func (s *Settings) describeStep(event, name, command string) []string {
	told := []string{environ.NPMLifecycleEvent + "=" + event}
	if !s.ws.Berry() {
		told = append(told, environ.NPMLifecycleScript+"="+command)
	}
	if s.ws.Manager == workspace.Yarn && !s.ws.Berry() {
		argv, _ := json.Marshal(struct { // texts always have a JSON form
			Remain   []string `json:"remain"`
			Cooked   []string `json:"cooked"`
			Original []string `json:"original"`
		}{[]string{}, []string{"run", event}, []string{"run", name}})
		told = append(told, environ.NPMConfigPrefix+"argv="+string(argv))
	}
	return told
}

// path is the PATH: the programs of dependencies where the manager looks for them, those of
// the manager, those of the run, and the user's.
func (s *Settings) path(pkg *workspace.Package, o Options) string {
	dirs := []string{filepath.Join(pkg.Path, "node_modules", ".bin")}
	switch {
	case s.ws.Manager == workspace.PNPM:
		dirs = append(dirs, s.own("dist", "node-gyp-bin"), filepath.Join(s.ws.Root, "node_modules", ".bin"))
	case s.ws.Manager == workspace.Yarn:
		dirs = append(dirs, filepath.Join(s.ws.Root, "node_modules", ".bin"))
	default:
		for dir := pkg.Path; dir != filepath.Dir(dir); {
			dir = filepath.Dir(dir)
			if filepath.Base(dir) != "node_modules" {
				dirs = append(dirs, filepath.Join(dir, "node_modules", ".bin"))
			}
		}
	}
	if s.ws.Manager == workspace.NPM {
		dirs = append(dirs, s.own("node_modules", "@npmcli", "run-script", "lib", "node-gyp-bin"))
	}
	dirs = append(dirs, o.Bin)
	dirs = slices.DeleteFunc(dirs, func(dir string) bool { return dir == "" })
	return strings.Join(append(dirs, environ.Value(o.Environ, environ.Path)), string(filepath.ListSeparator))
}

// own is a file or a folder below the manager's folder; empty if it is not there.
func (s *Settings) own(names ...string) string {
	dir, name := s.managerDir(), filepath.Join(names...)
	if dir == "" || !folder.Has(dir, name) {
		return ""
	}
	return filepath.Join(dir, name)
}
