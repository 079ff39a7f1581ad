// Package script turns a package script into processes: their command lines,
// folders and environments, as the repository's package manager would run them
// but without the manager. An "npm run" that waits for its child holds about 60 MB
// and costs a quarter of a second. The package also reads what a script's text
// tells about it: its tool, its options for Node, its entry points.
package script

import (
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// Step is one process of a script.
type Step struct {
	// event is the script's name: "prebuild", "build" or "postbuild".
	event string
	// Command is the script's text, for messages.
	Command string
	// Args are the program and its arguments, Dir its folder, Env its environment.
	Args []string
	Dir  string
	Env  []string
}

// Options are how a script is run.
type Options struct {
	// Environ is the environment that heapmage was started with, for a package's script as
	// Settings.Environ completes it.
	Environ []string
	// Args follow the script's command line.
	Args []string
	// InitDir is the folder in which the user started heapmage (INIT_CWD).
	InitDir string
	// Colour asks programs for colours: their output ends on a terminal.
	Colour bool
	// PackageManager runs the script through npm, pnpm or yarn. With Yarn
	// Plug'n'Play that is always so: without yarn, node finds no package.
	PackageManager bool
	// HeapLimit is V8's old-space limit for each Node process. Zero sets none.
	HeapLimit memtools.Bytes
	// NodeOptions are further options for each Node process.
	NodeOptions []string
	// Bin is a folder of programs for scripts; empty if there is none.
	Bin string
	// Extra are further variables; they replace all others of the same name.
	Extra []string
}

// Steps returns the processes of a package's script in the order in which they
// run, with the pre and post scripts if the manager runs those.
func Steps(s *Settings, pkg *workspace.Package, name string, o Options) ([]Step, error) {
	if s.ws.Manager == workspace.Bun && s.Node.Path == "" {
		o.HeapLimit, o.NodeOptions = 0, nil // Bun has no such options
	}
	runs, declared := pkg.Declared(name)
	if runs != "" {
		name = runs
	}
	unknown := declared && runs == "" // to the manager
	if !unknown && (o.PackageManager || s.needsManager(pkg, name, o.Args)) {
		o.Extra = append(o.Extra, s.noInstall()...)
		args, err := s.managerCommand()
		if err != nil {
			return nil, err
		}
		own := s.of(pkg)
		if own.flagged {
			args = append(args, nodeOptionsFlag+own.options.Text(o.NodeOptions, o.HeapLimit))
		}
		args = append(args, "run", name)
		if len(o.Args) > 0 && s.ws.Manager == workspace.NPM {
			args = append(args, "--") // the others hand over what follows the name
		}
		args = append(args, o.Args...)
		return []Step{{event: name, Command: strings.Join(args, " "), Args: args, Dir: pkg.Path, Env: s.plain(own, o)}}, nil
	}
	env := s.environment(pkg, o)
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
			command += Quoted(o.Args)
		}
		steps = append(steps, Step{
			event: event, Command: text, Args: s.shell(command, env), Dir: pkg.Path,
			Env: append(slices.Clip(env), s.describeStep(event, name, command)...),
		})
	}
	return steps, nil
}

// needsManager reports whether only the manager can run a script: with Yarn Plug'n'Play
// node finds no package without it, pnpm copies injected packages anew, yarn's own shell
// expands "**" and puts extra arguments where a script has "$1" or "$@", and on Windows some
// managers bring their own shell.
func (s *Settings) needsManager(pkg *workspace.Package, name string, args []string) bool {
	text := pkg.Scripts[name]
	if s.ws.Berry() && (expandsDeep(text) || len(args) > 0 && placesArgs.MatchString(text)) {
		return true
	}
	return s.installation().PlugNPlay() || s.syncs(pkg, name) || runtime.GOOS == "windows" && (s.emulated || s.ws.Berry())
}

var placesArgs = regexp.MustCompile(`\$\{?[0-9@*#]`)

// expandsDeep reports whether a script's text has a "**" that a shell would expand.
func expandsDeep(text string) bool {
	return slices.ContainsFunc(scripttext.Commands(text), func(c scripttext.Command) bool {
		return slices.ContainsFunc(c.Words, func(w scripttext.Word) bool { return w.Raw == w.Text && strings.Contains(w.Raw, "**") })
	})
}

// noInstall are the variables that keep pnpm from installing before it runs a script:
// heapmage installed before the run.
func (s *Settings) noInstall() []string {
	if s.ws.Manager != workspace.PNPM || s.version != "" && s.major() < 10 {
		return nil
	}
	none := []string{environ.PNPMConfigPrefix + "verify_deps_before_run=false"}
	if s.major() < 11 {
		none = append(none, environ.NPMConfigPrefix+"verify_deps_before_run=false")
	}
	return none
}

// events are a script with the hooks that the manager runs around it.
func (s *Settings) events(pkg *workspace.Package, name string) []string {
	runs, declared := pkg.Declared(name)
	if pkg.Manifest == nil || !s.hooks || declared && runs == "" {
		return []string{name}
	}
	return []string{"pre" + name, name, "post" + name}
}
