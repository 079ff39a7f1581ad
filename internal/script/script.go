// Package script says what a package script is as a process: its command line,
// its working folder and its environment, as the repository's package manager
// would run it, without the manager: an "npm run" that waits for its child holds
// some 60 MB and costs a quarter of a second.
package script

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// Step is one process of a script.
type Step struct {
	// Event is the script's name: "prebuild", "build" or "postbuild".
	Event string
	// Command is the script's text, for people.
	Command string
	// Args are the program and its arguments, Dir its folder, Env its environment.
	Args []string
	Dir  string
	Env  []string
}

// Options say how a script is run.
type Options struct {
	// Environ is the environment that heapmage was started with.
	Environ []string
	// Args follow the script's command line.
	Args []string
	// InitDir is the folder in which the user started heapmage (INIT_CWD).
	InitDir string
	// Colour asks programs for colours, for their output goes to a terminal in the end.
	Colour bool
	// PackageManager runs the script through npm, pnpm or yarn. Under Yarn
	// Plug'n'Play that is always so: node finds no package without yarn.
	PackageManager bool
	// HeapLimit is V8's old-space limit for each Node process. Zero sets none.
	HeapLimit memtools.Bytes
	// NodeOptions are further options for each Node process.
	NodeOptions []string
	// Extra are further variables; they win over all others.
	Extra []string
}

// Steps returns the processes of a package's script in their order: with the
// pre and post scripts where the manager runs them.
func Steps(s *Settings, pkg *workspace.Package, name string, o Options) ([]Step, error) {
	env := s.environment(pkg, o)
	if o.PackageManager || s.plugNPlay() {
		env = s.plain(o)
		args, err := s.managerCommand(o.Environ)
		if err != nil {
			return nil, err
		}
		args = append(args, "run", name)
		if len(o.Args) > 0 && s.ws.Manager == workspace.NPM {
			args = append(args, "--") // the others pass on what follows the name
		}
		args = append(args, o.Args...)
		return []Step{{Event: name, Command: strings.Join(args, " "), Args: args, Dir: pkg.Path, Env: env}}, nil
	}
	var steps []Step
	for _, event := range s.events(pkg, name) {
		text, ok := pkg.Scripts[event]
		if !ok {
			if event == name {
				return nil, fmt.Errorf("the package has no script %q", name)
			}
			continue
		}
		command := text
		if event == name {
			for _, a := range o.Args {
				command += " " + quote(a)
			}
		}
		steps = append(steps, Step{
			Event: event, Command: text, Args: s.shell(command), Dir: pkg.Path,
			Env: append(env[:len(env):len(env)], environ.NPMLifecycleEvent+"="+event, environ.NPMLifecycleScript+"="+command),
		})
	}
	return steps, nil
}

// events are a script with the hooks that the manager runs around it.
func (s *Settings) events(pkg *workspace.Package, name string) []string {
	if pkg.Manifest == nil || !s.hooks {
		return []string{name}
	}
	return []string{"pre" + name, name, "post" + name}
}

// shell is the command line that runs a script's text.
func (s *Settings) shell(text string) []string {
	if s.scriptShell != "" {
		return []string{s.scriptShell, "-c", text}
	}
	return Shell(text)
}

// Shell is the command line that runs a text in the system's shell.
func Shell(text string) []string {
	if runtime.GOOS == "windows" {
		return []string{"cmd", "/d", "/s", "/c", text}
	}
	return []string{"/bin/sh", "-c", text}
}

// quote writes an argument so that the shell reads it as one word.
func quote(arg string) string {
	if runtime.GOOS == "windows" {
		return `"` + strings.ReplaceAll(arg, `"`, `\"`) + `"`
	}
	if arg != "" && !strings.ContainsFunc(arg, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./,:=@%+", r))
	}) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
