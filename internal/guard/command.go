package guard

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/script"
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
	c.Stdin, c.Stdout, c.Stderr, c.Env = os.Stdin, os.Stdout, os.Stderr, g.Environ
	if g.server != nil {
		env, err := g.server.Environ(g.Environ)
		if err != nil {
			g.sayOnce(event.Notice{Kind: event.GuardBlind, Text: "Scripts are measured, but cannot be held back: " + err.Error()})
		} else {
			c.Env = env
		}
	}
	if err := c.Start(); err != nil {
		return nil, &problem.Error{What: "the command cannot be started", Cause: err, Code: problem.ExitFailed}
	}
	g.session.Meter.Begin(g.session.ID+"/"+commandID, c.Process.Pid, nil)
	g.watch(c.Process.Pid)
	go func() {
		_ = c.Wait() // how it ended is in its state
		close(c.exited)
	}()
	return c, nil
}

// await waits until the command has ended. It passes on the signals that reach this process
// alone: those of the terminal reach the command, too.
func (g *guard) await(ctx context.Context, c *command) {
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
