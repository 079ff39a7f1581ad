package script

import (
	"cmp"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/managerprogram"
	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/npmconfig"
	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

// runsHooks tells whether the manager runs pre and post scripts by default: yarn 2
// and newer do not, nor do pnpm 6 to 8 (pnpm/pnpm#2891, #7634).
func (s *Settings) runsHooks() bool {
	return !s.ws.Berry() && !(s.ws.Manager == workspace.PNPM && s.major() >= 6 && s.major() <= 8)
}

// readFiles reads the manager's settings and returns the node options among them, with
// the variable or the file that sets them.
func (s *Settings) readFiles(env []string) (nodeOptions nodeoptions.Text, err error) {
	if s.config, err = npmconfig.Read(s.place(env)); err != nil {
		return nodeOptions, err
	}
	switch s.ws.Manager {
	case workspace.NPM:
		s.scriptShell, _ = s.config.Text("script-shell")
		if ignore, set := s.config.Bool("ignore-scripts"); set {
			s.hooks = !ignore // npm run then leaves out only the hooks
		}
		nodeOptions.Value, nodeOptions.From = s.config.Text("node-options")
	case workspace.PNPM:
		return s.readPNPM(env)
	case workspace.Yarn:
		if !s.ws.Berry() { // yarn 1 has the setting, but only the variable reaches it
			s.scriptShell = environ.Value(env, environ.NPMConfigPrefix+"script_shell")
		}
	case workspace.Bun, workspace.Go: // they have no settings on scripts
	}
	return nodeOptions, nil
}

// place is where the manager looks for settings.
func (s *Settings) place(env []string) npmconfig.Place {
	p := npmconfig.Place{Root: s.ws.Root, Environ: env, Prefix: managerprogram.Prefix(s.Node.Path)}
	if s.ws.Manager == workspace.NPM {
		p.Builtin = s.managerDir()
	}
	if s.ws.Manager == workspace.PNPM {
		if dir := pnpmConfigDir(env, runtime.GOOS); dir != "" {
			p.Further = filepath.Join(dir, "rc")
		}
	}
	return p
}

// pnpmConfigDir is the folder of pnpm's settings of the user (pnpm's getConfigDir). It is
// empty if the user has no home.
func pnpmConfigDir(env []string, system string) string {
	if dir := environ.Value(env, environ.XDGConfigHome); dir != "" {
		return filepath.Join(dir, "pnpm")
	}
	if dir := environ.Value(env, environ.LocalAppData); dir != "" && system == "windows" {
		return filepath.Join(dir, "pnpm", "config")
	}
	home := environ.HomeDir(env, system)
	switch {
	case home == "":
		return ""
	case system == "darwin":
		return filepath.Join(home, "Library", "Preferences", "pnpm")
	}
	return filepath.Join(home, ".config", "pnpm")
}

// pnpmSettings are pnpm's own settings on scripts. An empty text is not set.
type pnpmSettings struct {
	NodeOptions   string   `yaml:"nodeOptions"`
	ScriptShell   string   `yaml:"scriptShell"`
	PrePost       string   `yaml:"enablePrePostScripts"`
	ShellEmulator string   `yaml:"shellEmulator"`
	Sync          []string `yaml:"syncInjectedDepsAfterScripts"`
}

// readPNPM reads pnpm's settings, each place over the one before. Versions up to 10 read
// npm's files and variables, and 10 then pnpm-workspace.yaml. Version 11 and newer read the
// user's config.yaml, pnpm-workspace.yaml, and pnpm's own variables.
func (s *Settings) readPNPM(env []string) (nodeOptions nodeoptions.Text, err error) {
	major := s.major()
	if major < 11 {
		s.scriptShell, _ = s.config.Text("script-shell")
		if on, set := s.config.Bool("enable-pre-post-scripts"); set {
			s.hooks = on
		}
		s.emulated, _ = s.config.Bool("shell-emulator")
		s.syncAfter = s.config.List("sync-injected-deps-after-scripts")
		if major != 8 { // which has the setting, but not for scripts
			nodeOptions.Value, nodeOptions.From = s.config.Text("node-options")
		}
	}
	apply := func(name string, y pnpmSettings) {
		s.applyPNPM(y)
		if y.NodeOptions != "" {
			nodeOptions = nodeoptions.Text{From: name, Value: y.NodeOptions}
		}
	}
	if dir := pnpmConfigDir(env, runtime.GOOS); major >= 11 && dir != "" {
		file, err := pkgmanager.ReadSettings(dir, "config.yaml")
		if err != nil {
			return nodeOptions, err
		}
		y, err := pnpmSettingsIn(file)
		if err != nil {
			return nodeOptions, err
		}
		if major == 11 {
			y.PrePost = "" // which that version does not take from there
		}
		apply(filepath.Join(dir, "config.yaml"), y)
	}
	if major == 0 || major >= 10 {
		y, err := pnpmSettingsIn(s.ws.PNPM)
		if err != nil {
			return nodeOptions, err
		}
		apply(pkgmanager.PNPMFile, y)
	}
	if major >= 11 {
		apply(pnpmEnvironment(env))
	}
	return nodeOptions, nil
}

// pnpmSettingsIn reads them from a file, which may be missing.
func pnpmSettingsIn(file *pkgmanager.Settings) (y pnpmSettings, err error) {
	err = file.Decode(&y)
	if wrong, ok := errors.AsType[*problem.Error](err); ok {
		wrong.Hint = "fix nodeOptions, scriptShell, enablePrePostScripts, shellEmulator or syncInjectedDepsAfterScripts"
	}
	return y, err
}

// pnpmEnvironment reads pnpm_config_*, in small or in capital letters, and names the
// variable of the node options.
func pnpmEnvironment(env []string) (from string, y pnpmSettings) {
	value := func(key string) string {
		name := environ.PNPMConfigPrefix + key
		return cmp.Or(environ.Value(env, name), environ.Value(env, strings.ToUpper(name)))
	}
	return environ.PNPMConfigPrefix + "node_options", pnpmSettings{
		NodeOptions: value("node_options"), ScriptShell: value("script_shell"),
		PrePost: value("enable_pre_post_scripts"), ShellEmulator: value("shell_emulator"),
	}
}

// applyPNPM takes over what is set.
func (s *Settings) applyPNPM(y pnpmSettings) {
	if y.ScriptShell != "" {
		s.scriptShell = y.ScriptShell
	}
	if y.PrePost != "" {
		s.hooks = y.PrePost == "true"
	}
	if y.ShellEmulator != "" {
		s.emulated = y.ShellEmulator == "true"
	}
	if len(y.Sync) > 0 {
		s.syncAfter = y.Sync
	}
}

// syncs reports whether pnpm brings the copies of a package up to date after one of its
// scripts: other packages have it injected, as a copy instead of a link.
func (s *Settings) syncs(pkg *workspace.Package, script string) bool {
	if s.ws.Manager != workspace.PNPM || !slices.Contains(s.syncAfter, script) {
		return false
	}
	return s.installation().Injects(pkg)
}

// major is the first number of the version of the manager that runs scripts, 0 if it is
// not known.
func (s *Settings) major() int { return pkgmanager.Major(s.version) }
