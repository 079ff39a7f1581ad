// Package proc runs a command and leaves nothing of its process tree behind. When
// the command ends, it ends what the command left running; when the command is
// stopped, it ends everything that the command ever started; and if this process
// is killed, a small helper process, the reaper, does the same.
//
// A running command costs three goroutines and one buffer of 64 KB. The reaper,
// one for all commands, takes about 2 MB.
//
// Limits: a process that leaves its session, loses its parent and clears its
// environment cannot be found (package proctable has the rules). A process that
// the kernel cannot end (uninterruptible sleep) or that belongs to another user is
// reported as a survivor. Windows uses a job object instead: it also ends daemons
// that a command leaves on purpose, and nothing can be suspended.
package proc

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/memtools"
)

// Command is a command to run.
type Command struct {
	// Args are the program and its arguments. A program without a slash is looked
	// up on the PATH of Env.
	Args []string
	// Dir is the working folder. Empty means this process's.
	Dir string
	// Env is the environment. Nil means this process's.
	Env []string
	// Stdin is its standard input. Nil means that it has none. A terminal stops the
	// command as soon as it reads from it: it is not in the terminal's process group.
	Stdin *os.File
	// Output takes standard output and standard error together, in the order in
	// which they were written. Writes are never concurrent. After a failed one the
	// rest is dropped, and Result.OutputErr has the error. A Write that does not
	// return holds up the end of the process. Nil drops everything.
	Output io.Writer
	// ID marks every process of the tree through memtools.Marker, so that detached
	// ones are found: "<run id>/<task id>", see NewRunID. Commands that run at the
	// same time with the same ID are stopped together. Empty means a unique one.
	ID string
	// OOMScoreAdj is how much likelier than this process the kernel is to kill the
	// tree when memory runs out. The sum is limited to 1000. Zero changes nothing.
	// Linux only; ignored elsewhere.
	OOMScoreAdj int
	// ExtraFiles become descriptors 3 and up. The caller closes its copies after
	// Start. Start fails if there are any on Windows.
	ExtraFiles []*os.File
	// Cgroup is the open folder of a cgroup of version 2 in which the command starts, if
	// the system can start it there; see Process.InCgroup. Nil means this process's.
	Cgroup *os.File
	// Observer observes the tree. Nil means that nobody does. If it cannot, the command
	// runs all the same, and Process.Observed tells why.
	Observer *observe.Observer
	// Ladder sets the times of Stop. Zero fields mean those of defaultLadder.
	Ladder Ladder
}

// Ladder is the time that a tree has to end after each step of Stop.
type Ladder struct {
	// Interrupt is the time after SIGINT to the command's process group.
	Interrupt time.Duration
	// Terminate is the time after SIGTERM to the whole tree.
	Terminate time.Duration
	// Kill is how long SIGKILL is repeated for processes that keep appearing.
	Kill time.Duration
}

// defaultLadder ends a tree within three seconds. Mage gives a target five after
// an interrupt.
var defaultLadder = Ladder{Interrupt: 1500 * time.Millisecond, Terminate: 700 * time.Millisecond, Kill: 600 * time.Millisecond}

func (l Ladder) orDefault() Ladder {
	for _, f := range []struct{ v, def *time.Duration }{
		{&l.Interrupt, &defaultLadder.Interrupt}, {&l.Terminate, &defaultLadder.Terminate}, {&l.Kill, &defaultLadder.Kill},
	} {
		if *f.v <= 0 {
			*f.v = *f.def
		}
	}
	return l
}

// Stopper is the call that ended a command.
type Stopper string

// What may have ended a command.
const (
	NotStopped Stopper = ""     // it ended by itself, or by a signal from elsewhere
	ByStop     Stopper = "stop" // Stop was called while it ran
	ByKill     Stopper = "kill" // Kill was called while it ran, perhaps after Stop
)

// Result is how a command ended.
type Result struct {
	// ExitCode is the command's exit code, or -1 if a signal ended it.
	ExitCode int
	// Signal is the name of the signal that ended the command, such as "SIGKILL", or
	// empty.
	Signal string
	// StoppedBy tells whether Stop or Kill ended it.
	StoppedBy Stopper
	// MaxRSS is the highest resident set of any single process, of the command and
	// the descendants that were waited for (ru_maxrss). It counts shared pages. Zero
	// means unknown: on Linux, a child's figure begins with the highest that this
	// process had, so a smaller one cannot be told.
	MaxRSS memtools.Bytes
	// User and System are the processor times of the command and of the descendants
	// that were waited for.
	User, System time.Duration
	// started and ended are when the command itself started and ended.
	started, ended time.Time
	// Survivors are processes of the tree that could not be ended.
	Survivors []int
	// OutputErr is the first error of Command.Output.
	OutputErr error
}

// Success reports whether the command ended by itself with exit code 0.
func (r Result) Success() bool {
	return r.ExitCode == 0 && r.Signal == "" && r.StoppedBy == NotStopped
}

// ErrEnded is returned by Suspend and Resume once the command has ended or is being
// stopped.
var ErrEnded = errors.New("the process has ended")

// Process is a running command. It is safe for concurrent use.
type Process struct {
	cmd    *exec.Cmd
	tree   *tree
	output *output
	ward   *ward // at the reaper
	ladder Ladder
	watch  *observe.Watch // nil if the tree is not observed
	blind  error          // why not, if it should be

	stop, kill         chan struct{} // closed by the first Stop or Kill, and by the first Kill
	stopOnce, killOnce sync.Once
	exited             chan struct{} // closed when the command itself was waited for
	done               chan struct{} // closed by supervise, last of all

	mu        sync.Mutex
	suspended bool // by Suspend
	held      bool // by hold
	ending    bool // the tree is being ended and can no longer be suspended

	result Result // written by supervise and wait; read after done
}

// Start starts c. An error that the user can fix, such as a missing command or
// folder, is a *problem.Error.
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
			Env: append(slices.Clip(c.Env), memtools.Marker(c.ID)),
		},
	}
	if c.Stdin != nil {
		p.cmd.Stdin = c.Stdin
	}
	if c.Observer != nil {
		p.observe(c.Observer)
	}
	var childEnd *os.File
	if c.Output != nil {
		if p.output, childEnd, err = newOutput(c.Output); err != nil {
			return nil, startError(c, err)
		}
		// The same file for both, so that the kernel keeps their order.
		p.cmd.Stdout, p.cmd.Stderr = childEnd, childEnd
	}
	commands.gate.RLock()
	defer commands.gate.RUnlock()
	// Before the start, so that the reaper knows the mark whenever we are killed.
	p.ward = theReaper.watch(proctable.Root{Mark: c.ID}, false)
	p.result.started = time.Now()
	p.tree, err = startTree(p.cmd, c.ID, c.Cgroup)
	p.watch.Started()
	if childEnd != nil {
		_ = childEnd.Close()
	}
	if err != nil {
		theReaper.forget(p.ward)
		p.output.abandon()
		return nil, startError(c, err)
	}
	theReaper.started(p.ward, p.tree)
	p.enlist()
	if c.OOMScoreAdj != 0 {
		proctable.RaiseOOMScore(p.PID(), c.OOMScoreAdj)
	}
	go p.output.copy()
	go p.wait()
	go p.supervise()
	return p, nil
}

// PID returns the process id of the command.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// InCgroup reports whether the command was started in Command.Cgroup.
func (p *Process) InCgroup() bool { return inCgroup(p.cmd.SysProcAttr) }

// Done returns a channel that is closed once the command has ended, nothing of its
// tree is left and its output has been written.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for Done and returns how the command ended.
func (p *Process) Wait() Result {
	<-p.done
	return p.result
}

// Stop ends everything that the command ever started, even if it is suspended: an
// interrupt, then SIGTERM, then SIGKILL, with the times of Command.Ladder. It
// returns at once; Done tells when nothing is left. Further calls do nothing.
func (p *Process) Stop() { p.stopOnce.Do(func() { close(p.stop) }) }

// Kill is Stop without the grace periods. It also cuts a Stop short. It returns at
// once.
func (p *Process) Kill() {
	p.killOnce.Do(func() { close(p.kill) })
	p.Stop()
}

// observe has the command start under the eyes of an observer.
func (p *Process) observe(o *observe.Observer) {
	const firstExtra = 3
	w, program, words, err := o.Command(p.cmd.Path, p.cmd.Args, firstExtra+len(p.cmd.ExtraFiles))
	if err != nil {
		p.blind = err
		return
	}
	p.watch = w
	p.cmd.Path, p.cmd.Args, p.cmd.ExtraFiles = program, words, append(slices.Clip(p.cmd.ExtraFiles), w.File())
}

// Observed returns what the tree did, of a command that has an Observer. Call it once,
// after the command has ended. The error tells why nothing was observed.
func (p *Process) Observed(ctx context.Context) (observe.Observation, error) {
	if p.watch == nil {
		return observe.Observation{}, cmp.Or(p.blind, errors.ErrUnsupported)
	}
	return p.watch.Finish(ctx)
}

// Suspend freezes the tree. Its processes keep their memory. Detached daemons run
// on, as others may use them. On Windows it returns errors.ErrUnsupported.
func (p *Process) Suspend() error { return p.setSuspended(true) }

// Resume lets a suspended tree run again. It does nothing if the tree runs.
func (p *Process) Resume() error { return p.setSuspended(false) }

func (p *Process) setSuspended(on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending {
		return ErrEnded
	}
	switch {
	case on:
		p.suspended = true // even if it fails halfway: what was stopped must go on
		return p.tree.suspend()
	case !p.suspended:
		return nil
	case !p.held:
		if err := p.tree.resume(); err != nil {
			return err
		}
	}
	p.suspended = false
	return nil
}

// endingNow sends the signal that ends the tree, then lets a suspended tree run so
// that it can act on it, and keeps it from being suspended again.
func (p *Process) endingNow(signal func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = true
	signal()
	if p.suspended && !p.held {
		_ = p.tree.resume() // if it fails, SIGKILL needs no running process
	}
	p.suspended = false
}
