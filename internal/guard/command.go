package guard

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/workspace"
)

// commandID is what the session measures the command as, with all that is no script's.
const commandID = "command"

// command is the guarded command.
type command struct {
	*exec.Cmd
	exited chan struct{} // closed once it was waited for
}

// start starts the command, which has our standard streams, session and process group.
func (g *guard) start(text string) (*command, error) {
	words := script.Shell(text)
	c := &command{Cmd: exec.Command(words[0], words[1:]...), exited: make(chan struct{})} //nolint:noctx // it ends by itself
	c.Stdin, c.Stdout, c.Stderr, c.Env = os.Stdin, os.Stdout, os.Stderr, environ.Without(g.Environ, environ.MageVerbose)
	if g.server != nil {
		env, err := g.server.Environ(withShell(c.Env, g.Settings.ScriptShell()))
		if err != nil {
			g.sayOnce(event.Notice{Kind: event.GuardBlind, Text: "Scripts are measured, but cannot be held back: " + err.Error()})
		} else {
			c.Env = env
			if g.Workspace.Manager != workspace.Yarn && g.Settings.ScriptShell() == "" && environ.Value(g.Environ, environ.NPMScriptShell) == "" {
				// All but yarn 1 find the shim in PATH, and npm shows this one in its errors.
				c.Env = environ.Without(env, environ.NPMScriptShell)
			}
		}
	}
	if err := c.Start(); err != nil {
		return nil, &problem.Error{What: "the command cannot be started", Cause: err, Code: problem.ExitFailed}
	}
	g.session.Meter.Begin(g.session.ID+"/"+commandID, c.Process.Pid, nil)
	g.command = c
	g.watch(c.Process.Pid)
	go func() {
		_ = c.Wait() // how it ended is in its state
		close(c.exited)
	}()
	return c, nil
}

// withShell sets the shell for scripts in a variable: before those of the server it would be of
// no effect in a file.
func withShell(env []string, shell string) []string {
	if shell == "" {
		return env
	}
	return append(environ.Without(env, environ.NPMScriptShell), environ.NPMScriptShell+"="+shell)
}

// await waits until the command has ended. It passes on the signals that reach this process
// alone: those of the terminal reach the command, too.
func (g *guard) await(ctx context.Context, c *command) {
	if !signal.Ignored(os.Interrupt) {
		signal.Reset(os.Interrupt) // Mage would leave 5 s after the first, or at the second, while the command goes on
	}
	signals := make(chan os.Signal, 8)
	for _, s := range passed {
		if !signal.Ignored(s) { // else nohup started us
			signal.Notify(signals, s)
		}
	}
	defer signal.Stop(signals)
	deadline := make(<-chan struct{})
	if _, ok := ctx.Deadline(); ok { // mage -t
		deadline = ctx.Done()
	}
	for {
		select {
		case s := <-signals:
			if s == os.Interrupt && fromTerminal() {
				continue
			}
			_ = c.Process.Signal(s) // it has ended
		case <-deadline:
			deadline = nil
			_ = c.Process.Signal(syscall.SIGTERM)
		case <-c.exited:
			return
		}
	}
}

// code is the command's exit code, as a shell gives it.
func (c *command) code() int {
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return c.ProcessState.ExitCode()
}
