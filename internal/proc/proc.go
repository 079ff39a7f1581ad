// Package proc runs one child command with its whole process tree and leaves
// nothing of it behind: when the command ends, what it left running is ended;
// when it is stopped, so is everything that it ever started; and when this
// process is killed, a small helper process does the same in its place.
//
// It costs three goroutines a running command, one 64 KB buffer, and one helper
// process of about 2 MB for all of them.
//
// Limits. A process that leaves its session, loses its parent and clears its
// environment cannot be found. One that the kernel cannot end (uninterruptible
// sleep) or that belongs to another user is reported as a survivor. On Windows a
// job object takes the place of all this: it also ends the daemons that a
// command leaves on purpose, and nothing can be suspended.
package proc

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Command is a command to run. Its standard input is closed.
type Command struct {
	// Args is the program and its arguments. A program without a slash is
	// looked up on the PATH of Env.
	Args []string
	// Dir is the working folder. Empty means this process's.
	Dir string
	// Env is the environment. Nil means this process's.
	Env []string
	// Output takes standard output and standard error together, in the order in
	// which they were written. Its writes are never concurrent; after one that
	// fails the rest is dropped and Result.OutputErr says why. A Write that does
	// not return holds up the end of the process. Nil drops everything.
	Output io.Writer
	// ID marks every process of the tree, as HEAPMAGE_TASK in its environment,
	// so that one that detached is found: "<run id>/<task id>", see NewRunID.
	// Processes that run at the same time with equal IDs are stopped together.
	// Empty means one of its own.
	ID string
	// OOMScoreAdj makes the tree a likelier victim than this process when the
	// kernel runs out of memory: by that much more, up to 1000 in all. Zero leaves
	// it as it is. Linux only; ignored elsewhere.
	OOMScoreAdj int
	// ExtraFiles become descriptors 3 and up. The caller closes its own copies
	// after Start. Not on Windows.
	ExtraFiles []*os.File
	// Ladder is how Stop proceeds. Zero fields mean those of DefaultLadder.
	Ladder Ladder
}

// Ladder is how much time a tree has to end after each step of Stop.
type Ladder struct {
	// Interrupt is the time after SIGINT to the command's process group.
	Interrupt time.Duration
	// Terminate is the time after SIGTERM to the whole tree.
	Terminate time.Duration
	// Kill is how long SIGKILL is repeated for processes that keep appearing.
	Kill time.Duration
}

// DefaultLadder ends a tree within three seconds: Mage gives a target five
// after an interrupt.
var DefaultLadder = Ladder{Interrupt: 1500 * time.Millisecond, Terminate: 700 * time.Millisecond, Kill: 600 * time.Millisecond}

func (l Ladder) orDefault() Ladder {
	for _, f := range []struct{ v, def *time.Duration }{
		{&l.Interrupt, &DefaultLadder.Interrupt}, {&l.Terminate, &DefaultLadder.Terminate}, {&l.Kill, &DefaultLadder.Kill},
	} {
		if *f.v <= 0 {
			*f.v = *f.def
		}
	}
	return l
}

// A Stopper says what ended a command before its own end.
type Stopper string

// The values of Result.StoppedBy.
const (
	NotStopped Stopper = ""     // it ended by itself, or by a signal that is not ours
	ByStop     Stopper = "stop" // Stop was called while it ran
	ByKill     Stopper = "kill" // Kill was called while it ran, maybe after Stop
)

// Result is how a command ended.
type Result struct {
	// ExitCode is the command's, or -1 where a signal ended it.
	ExitCode int
	// Signal is the name of the signal that ended the command, such as
	// "SIGKILL", or empty.
	Signal string
	// StoppedBy says whether it was us who ended it.
	StoppedBy Stopper
	// MaxRSS is the highest resident set that one single process had, of the
	// command and the descendants that were waited for (ru_maxrss). It counts
	// shared pages, and on Linux is at least what this process itself had
	// resident at Start, which the kernel carries over to the child.
	MaxRSS memtools.Bytes
	// User and System are the processor times of the command and of the
	// descendants that were waited for.
	User, System time.Duration
	// Started and Ended are when the command itself started and ended.
	Started, Ended time.Time
	// Survivors are processes of the tree that could not be ended.
	Survivors []int
	// OutputErr is the first error of Command.Output.
	OutputErr error
}

// Success reports whether the command ended by itself with exit code 0. A
// signal is never a success.
func (r Result) Success() bool {
	return r.ExitCode == 0 && r.Signal == "" && r.StoppedBy == NotStopped
}

// ErrEnded is returned by Suspend and Resume once the command has ended or is
// being stopped.
var ErrEnded = errors.New("the process has ended")

// A Process is a running command. Its methods may be called by many goroutines.
type Process struct {
	cmd    *exec.Cmd
	tree   *tree
	output *output
	ward   *ward // at the reaper
	ladder Ladder

	stop, kill         chan struct{} // closed by the first Stop or Kill, and by the first Kill
	stopOnce, killOnce sync.Once
	exited             chan struct{} // closed when the command itself was waited for
	done               chan struct{} // closed by supervise, last of all

	mu        sync.Mutex
	suspended bool
	ending    bool // the tree is being ended: it is neither suspended nor resumed any more

	result Result // written by supervise and wait; read after done
}

// Start starts c. An error that the user can mend (no such command, no such
// folder) is a *problem.Error.
func Start(c Command) (*Process, error) {
	if c.Env == nil {
		c.Env = os.Environ()
	}
	if c.ID == "" {
		c.ID = NewRunID() + "/command"
	}
	path, err := resolve(c)
	if err != nil {
		return nil, err
	}
	p := &Process{
		ladder: c.Ladder.orDefault(),
		stop:   make(chan struct{}), kill: make(chan struct{}),
		exited: make(chan struct{}), done: make(chan struct{}),
		cmd: &exec.Cmd{
			Path: path, Args: c.Args, Dir: c.Dir, ExtraFiles: c.ExtraFiles,
			Env: append(c.Env[:len(c.Env):len(c.Env)], memtools.Marker(c.ID)),
		},
	}
	var childEnd *os.File
	if c.Output != nil {
		if p.output, childEnd, err = newOutput(c.Output); err != nil {
			return nil, startError(c, err)
		}
		// The same file for both, so that the kernel keeps their order.
		p.cmd.Stdout, p.cmd.Stderr = childEnd, childEnd
	}
	// Before the start: whenever we are killed, the reaper knows the mark.
	p.ward = theReaper.watch(c.ID)
	p.result.Started = time.Now()
	p.tree, err = startTree(p.cmd, c.ID)
	if childEnd != nil {
		_ = childEnd.Close()
	}
	if err != nil {
		theReaper.forget(p.ward)
		p.output.abandon()
		return nil, startError(c, err)
	}
	theReaper.started(p.ward, p.tree)
	if c.OOMScoreAdj != 0 {
		raiseOOMScore(p.PID(), c.OOMScoreAdj)
	}
	go p.output.copy()
	go p.wait()
	go p.supervise()
	return p, nil
}

// PID is the process id of the command.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the command has ended, nothing of its tree is left and
// its output has been written.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for Done and says how the command ended.
func (p *Process) Wait() Result {
	<-p.done
	return p.result
}

// Stop asks for the end of everything that the command ever started: an
// interrupt, then SIGTERM, then SIGKILL, with the times of Command.Ladder, also
// for a suspended tree. It returns at once; Done says when nothing is left.
// Further calls do nothing.
func (p *Process) Stop() { p.stopOnce.Do(func() { close(p.stop) }) }

// Kill is Stop without grace; it also cuts a Stop short. It returns at once.
func (p *Process) Kill() {
	p.killOnce.Do(func() { close(p.kill) })
	p.Stop()
}

// Suspend stops all processes of the tree from running. They keep their memory.
// A daemon that has detached from the tree runs on, for others may use it. On
// Windows it returns errors.ErrUnsupported.
func (p *Process) Suspend() error { return p.setSuspended(true) }

// Resume lets a suspended tree run again; on one that is not it does nothing.
func (p *Process) Resume() error { return p.setSuspended(false) }

func (p *Process) setSuspended(on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending {
		return ErrEnded
	}
	if on == p.suspended && !on {
		return nil
	}
	if on {
		p.suspended = true // also when it fails halfway: what was stopped must go on
		return p.tree.suspend()
	}
	if err := p.tree.resume(); err != nil {
		return err
	}
	p.suspended = false
	return nil
}

// endingNow lets a suspended tree run, so that it can act on signals, and
// keeps it from being suspended again. The signal that ends it was sent before.
func (p *Process) endingNow(signal func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = true
	signal()
	if p.suspended {
		p.suspended = false
		_ = p.tree.resume() // if it fails, SIGKILL needs no running process
	}
}
