package script

import (
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/managerprogram"
	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
)

// findManager finds the manager's program and version, for $npm_execpath and the user
// agent. If it is not installed, only what has to start it fails.
func (s *Settings) findManager(env []string) {
	s.version = s.ws.ManagerVersion
	wanted := managerprogram.Wanted{
		Name: s.ws.Manager, Version: s.ws.ManagerVersion, From: s.ws.ManagerFrom, Declared: s.ws.ManagerDeclared,
		YarnPath: s.ws.YarnFile, Node: s.Node.Path, Environ: env,
	}
	s.program, s.programErr = managerprogram.Find(wanted)
	switches := s.ws.Manager == workspace.PNPM && s.ws.ManagerDeclared && pkgmanager.Major(s.program.Version) >= 10
	if s.program.Version != "" && !switches { // pnpm 10 and newer run the declared version themselves
		s.version = s.program.Version
	}
	s.Manager = Manager{s.program.Version, switches, "run: " + wanted.Command(), s.programErr}
}

// managerDir is the manager's folder: the program is …/npm/bin/npm-cli.js. It is empty if
// the program's file is not known.
func (s *Settings) managerDir() string {
	file := s.program.File
	if file == "" {
		return ""
	}
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	return filepath.Dir(filepath.Dir(file))
}

// managerCommand is how the manager is started.
func (s *Settings) managerCommand() ([]string, error) {
	return slices.Clone(s.program.Args), s.programErr
}

// Manager is a package manager's program on this machine.
type Manager struct {
	// Version is its version, empty if it is not known.
	Version string
	// Switches is set if it runs the version that package.json declares by itself.
	Switches bool
	// Bring is what brings the declared version: "run: corepack install -g pnpm@9.1.0".
	Bring string
	// Err is why there is no program that fits, a *problem.Error.
	Err error
}

// EngineStrict reports whether npm is to refuse what does not fit "engines".
func (s *Settings) EngineStrict() bool {
	if s.config == nil {
		return false
	}
	on, _ := s.config.Bool("engine-strict")
	return on
}

// unfit is why scripts of these packages that call their manager do not get the one that the
// repository wants; nil if none calls it, or if they get it.
func (s *Settings) unfit(packages []*workspace.Package) *problem.Error {
	wrong, _ := errors.AsType[*problem.Error](s.programErr)
	if wrong == nil {
		return nil
	}
	name := string(s.ws.Manager)
	for _, p := range packages {
		for _, text := range p.Scripts {
			for c := range scripttext.CommandsWithin(text) {
				if slices.ContainsFunc(c.Words, func(w scripttext.Word) bool { return w.Text == name }) {
					return wrong
				}
			}
		}
	}
	return nil
}

// Programs are what scripts find on PATH because their manager runs them: texts are shell
// scripts by the name of the program, links are programs under another name. The manager
// itself is among them if its plain name starts nothing, another version, or one that needs
// a flag to keep the options for Node. Both are empty if PATH has all that is needed. A
// manager that was not found is not among them.
func (s *Settings) Programs() (texts, links map[string]string) {
	texts, links = map[string]string{}, map[string]string{}
	if s.ws.Manager == workspace.Go || s.programErr != nil {
		return texts, links
	}
	manager := s.program.Args
	switch {
	case s.ws.Berry():
		texts["run"] = launcher(manager, "run")
		texts["node-gyp"] = launcher(manager, "run", "--top-level", "node-gyp")
		texts["yarn"], texts["yarnpkg"] = launcher(manager), launcher(manager)
	case s.flagged && runtime.GOOS != "windows":
		texts[string(s.ws.Manager)] = shellLauncher(manager, `${`+npmNodeOptions+`:+"`+nodeOptionsFlag+`$`+npmNodeOptions+`"}`)
	case !s.program.OnPath:
		texts[string(s.ws.Manager)] = launcher(manager)
	}
	if s.Node.Path == "" && s.ws.Manager == workspace.Bun && s.program.File != "" {
		links["node"] = s.program.File // Bun then behaves as Node
	}
	return texts, links
}

// launcher is the text of a program that starts another with these arguments first. On
// Windows it is a batch file.
func launcher(command []string, args ...string) string {
	words := slices.Concat(command, args)
	if runtime.GOOS == "windows" {
		for i, w := range words {
			words[i] = `"` + strings.ReplaceAll(w, `"`, `""`) + `"`
		}
		return "@" + strings.Join(words, " ") + " %*\r\n"
	}
	return shellLauncher(words)
}

// shellLauncher is a launcher for a POSIX shell, which expands the texts behind the command.
func shellLauncher(command []string, texts ...string) string {
	words := make([]string, 0, len(command))
	for _, w := range command {
		words = append(words, quote(w))
	}
	return "#!/bin/sh\nexec " + strings.Join(append(words, texts...), " ") + ` "$@"` + "\n"
}
