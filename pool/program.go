package pool

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool/worker"
)

// A Program says what the workers of a pool are: NodeScript, Command, Self or
// Handlers make one.
type Program interface {
	// open checks what can be checked before the first worker.
	open(Options) (factory, error)
}

// factory makes workers. Its methods are called with its lock held.
type factory interface {
	// start begins worker number n and returns at once. The worker tells ready,
	// then answers, and last of all ended, after which nothing of it is left.
	start(n int, tell func(message)) backend
	// close gives back what workers share, once all have ended.
	close()
}

// backend is one worker as the dispatcher sees it. No method waits.
type backend interface {
	// give hands over a job. It returns false where the worker does not read.
	give(*job) bool
	// cancel tells the worker that nobody waits for job id any more.
	cancel(id uint64)
	// retire lets a worker without a job end by itself.
	retire()
	// end ends the worker whatever it does.
	end(reason ending)
}

// message is what a worker tells the dispatcher.
type message struct {
	worker int
	kind   messageKind
	pid    int          // started
	answer worker.Frame // answered
	exit   Exit         // ended; Verdict is left to the dispatcher
	proof  evidence     // ended
	err    error        // ended: why no process was started
}

type messageKind int

const (
	started  messageKind = iota // there is a process
	ready                       // it takes jobs
	answered                    // it answered one
	leaving                     // it takes no more jobs
	ended                       // nothing of it is left
)

// NodeScript makes workers of a Node script: one Node process each, started
// with flags, such as "--expose-gc". A relative path is relative to this
// process's working folder. The script may be an ES module, CommonJS, or, where
// Node itself runs it, TypeScript, and may be written in either of two ways:
//
//   - for a process: it takes tasks, as {type, data}, with process.on('message')
//     and answers with process.send;
//   - for a worker thread: the same with parentPort of node:worker_threads. It
//     runs unchanged.
//
// Its first message after a task is the answer. {success: true, result} stands
// for the result, {success: false, error} for a failure, anything else is the
// result itself. Where it does not answer at once, task.signal is an
// AbortSignal that says when nobody waits any more.
func NodeScript(path string, flags ...string) Program { return nodeScript{path, flags} }

type nodeScript struct {
	path  string
	flags []string
}

func (s nodeScript) open(o Options) (factory, error) {
	path, err := filepath.Abs(s.path)
	if err != nil {
		return nil, fmt.Errorf("worker script %s: %w", s.path, err)
	}
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		e := &problem.Error{Where: s.path, What: "no such worker script"}
		if !filepath.IsAbs(s.path) {
			e.Hint = "the path is relative to the working folder; here that is " + path
		}
		return nil, e
	case err != nil:
		return nil, fmt.Errorf("worker script: %w", err)
	case info.IsDir():
		return nil, &problem.Error{Where: s.path, What: "the worker script is a folder"}
	}
	shim := &shim{}
	return &processes{
		o: o, name: s.path, cleanUp: shim.remove, hint: nodeHint,
		env: []string{"NODE_CHANNEL_FD=3", "NODE_CHANNEL_SERIALIZATION_MODE=json"},
		args: func() ([]string, error) {
			preload, err := shim.path()
			if err != nil {
				return nil, err
			}
			args := []string{"node", "--require", preload}
			if o.HeapLimit > 0 {
				args = append(args, fmt.Sprintf("--max-old-space-size=%d", max(1, o.HeapLimit/memtools.MB)))
			}
			return append(append(args, s.flags...), path), nil
		},
	}, nil
}

// nodeHint knows the mistakes that people make with worker scripts.
func nodeHint(output string) string {
	switch {
	case strings.Contains(output, "Cannot use import statement outside a module"):
		return `name the script .mjs, or put "type": "module" into the package.json beside it`
	case strings.Contains(output, "ERR_UNKNOWN_FILE_EXTENSION") && strings.Contains(output, `ts"`):
		return "Node 22.18 and newer run TypeScript themselves; compile the script for this one"
	case strings.Contains(output, "ERR_MODULE_NOT_FOUND"), strings.Contains(output, "MODULE_NOT_FOUND"):
		return "install what the script imports, or check the path"
	}
	return ""
}

// Command makes workers of any program that speaks the protocol of
// docs/worker-protocol.md, such as one that calls worker.Main, started with
// args. A program without a slash is looked up on the PATH.
func Command(program string, args ...string) Program {
	return command{args: append([]string{program}, args...)}
}

// Self makes workers of this program, started once more with args. Its main
// must call worker.Main before anything else.
func Self(args ...string) Program { return command{self: true, args: args} }

type command struct {
	self bool
	args []string
}

func (c command) open(o Options) (factory, error) {
	args := slices.Clone(c.args)
	if c.self {
		path, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		args = append([]string{path}, args...)
	}
	p := &processes{
		o: o, name: args[0], cleanUp: func() {}, args: func() ([]string, error) { return args, nil },
		hint: func(string) string { return "does the program call worker.Main, or speak docs/worker-protocol.md?" },
	}
	if o.HeapLimit > 0 {
		p.env = []string{fmt.Sprintf("GOMEMLIMIT=%d", o.HeapLimit)}
	}
	return p, nil
}

// Handlers makes workers of functions in this process: goroutines, with no
// memory of their own. It is for tasks whose work is done by processes that the
// functions start, and has no options of memory. A function that does not
// return cannot be ended.
func Handlers(h worker.Handlers) Program { return handlers(h) }
