package admission

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/admission/frame"
)

// ErrLost is the error of a conversation with a shim that is gone: it was killed, its runner
// ended, it broke the protocol, or the server was closed.
var ErrLost = errors.New("the shim is gone")

// errTurn is the error of an answer that the shim does not wait for.
var errTurn = errors.New("this is not the time for that answer")

// Ask is what a shim tells of the script that it was started for.
type Ask struct {
	PID    int         // of the shim; the script will be its child
	Event  string      // npm_lifecycle_event: the name of the script
	Folder string      // the working folder, absolute, without symbolic links
	Text   string      // of the script, the first 64 KB
	Stdin  frame.Stdin // what it reads if it reads standard input
	// NodeOptions and GoMemLimit are NODE_OPTIONS and GOMEMLIMIT, empty if they are not set.
	NodeOptions, GoMemLimit string
}

// Terms are what a script starts with.
type Terms struct {
	Set   map[string]string // variables that are added or replaced
	Keep  bool              // what runs below finds the shim, too
	Shell string            // runs the script; if empty, the next sh of PATH
}

// Ended is how an attempt ended, and what it took.
type Ended struct {
	Code   int           // exit code; 0 if a signal ended it
	Signal int           // 0 if none ended it
	MaxRSS int64         // the largest resident set of one of its processes, in bytes
	User   time.Duration // processor time of all its processes that were waited for
	System time.Duration
	Read   bool // it read its standard input, or may have: another attempt would miss that
}

// turn is whose turn it is.
type turn int

const (
	ours   turn = iota // the shim waits for pass or run
	starts             // run was sent
	runs               // the script runs
	ended              // the shim waits for end or again
	over
)

// Script is a script whose shim has asked. Its methods may be called by one goroutine at a
// time, Lost and Signals by any.
type Script struct {
	ask     Ask
	conn    net.Conn
	lost    chan struct{} // closed by the goroutine that reads
	waiting chan bool     // tells the one that beats whether the shim waits
	started chan int      // the script's PID, once for each attempt
	ends    chan Ended    // once for each attempt
	signals chan int

	mu   sync.Mutex // guards all below, and writing
	turn turn
}

func newScript(c net.Conn, ask Ask) *Script {
	return &Script{
		ask: ask, conn: c, lost: make(chan struct{}), waiting: make(chan bool),
		started: make(chan int, 1), ends: make(chan Ended, 1), signals: make(chan int, 16),
	}
}

// Ask returns what the shim told.
func (sc *Script) Ask() Ask { return sc.ask }

// Lost is closed when the conversation is over: after Pass, End or an error, or because the
// shim is gone. If the script was running then, it is killed with its shim on Linux. Elsewhere
// it runs on, as it would if only its shell had been killed from a group.
func (sc *Script) Lost() <-chan struct{} { return sc.lost }

// Signals yields the signals that were sent to the shim while the script runs, and which it
// has passed on: a frozen script must be thawed to notice. Those of the terminal and those to
// the whole group reach the script without the shim, and do not appear here.
func (sc *Script) Signals() <-chan int { return sc.signals }

// Pass lets the script run without the guard. No shim is left. keep tells whether what runs
// below finds the shim, shell what runs the script; if it is empty, the next sh of PATH.
func (sc *Script) Pass(keep bool, shell string) error {
	return sc.send(ours, over, frame.Frame{Type: frame.Pass, Keep: keep, Shell: shell})
}

// Run lets the script start, and returns its PID once it has. If ctx is done first the
// conversation ends, and the script starts all the same, without the guard.
func (sc *Script) Run(ctx context.Context, t Terms) (pid int, err error) {
	select {
	case <-sc.ends: // of an attempt for which Wait was not called
	default:
	}
	if err := sc.send(ours, starts, frame.Frame{Type: frame.Run, Set: t.Set, Keep: t.Keep, Shell: t.Shell}); err != nil {
		return 0, err
	}
	select {
	case pid := <-sc.started:
		return pid, nil
	case <-sc.lost:
		return 0, ErrLost
	case <-ctx.Done():
		_ = sc.conn.Close()
		return 0, fmt.Errorf("the shim does not start its script: %w", context.Cause(ctx))
	}
}

// Wait waits until the script has ended. If ctx is done first it may be called again.
func (sc *Script) Wait(ctx context.Context) (Ended, error) {
	select {
	case e := <-sc.ends:
		return e, nil
	default:
	}
	select {
	case e := <-sc.ends:
		return e, nil
	case <-sc.lost:
		return Ended{}, ErrLost
	case <-ctx.Done():
		return Ended{}, context.Cause(ctx)
	}
}

// End lets the shim end as the script did. A shim that hears nothing for 5 s does so by
// itself.
func (sc *Script) End() error {
	return sc.send(ended, over, frame.Frame{Type: frame.End})
}

// Again tells the shim that there will be another attempt, once Run is called.
func (sc *Script) Again(why string) error {
	return sc.send(ended, ours, frame.Frame{Type: frame.Again, Why: why})
}

// send sends a frame if it is the time for it, after which it is another.
func (sc *Script) send(now, next turn, f frame.Frame) error {
	line, err := frame.Encode(f)
	if err != nil {
		return err
	}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if sc.turn != now {
		select {
		case <-sc.lost:
			return ErrLost
		default:
			return errTurn
		}
	}
	return sc.writeLocked(line, next)
}

func (sc *Script) writeLocked(line []byte, next turn) error {
	sc.turn = next
	_ = sc.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := sc.conn.Write(line)
	if err != nil {
		sc.turn = over // after half a frame nothing else can be read
		err = fmt.Errorf("%w: %w", ErrLost, err)
	}
	if sc.turn == over {
		_ = sc.conn.Close() // what was written still arrives
	}
	return err
}

// beat sends heartbeats while the shim waits, until the conversation is over.
func (sc *Script) beat() {
	line, err := frame.Encode(frame.Frame{Type: frame.Wait})
	if err != nil {
		return // cannot be
	}
	tick := time.NewTicker(frame.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-sc.lost:
			return
		case <-tick.C:
		}
		sc.mu.Lock()
		if sc.turn == ours {
			_ = sc.writeLocked(line, ours)
		}
		sc.mu.Unlock()
	}
}

// read takes the shim's frames until it disconnects or breaks the protocol.
func (sc *Script) read(in *frame.Reader) {
	for {
		f, err := in.Next()
		if err != nil || !sc.take(f) {
			break
		}
	}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.turn = over
}

// take takes a frame, and reports whether it was time for it. Types that it does not know
// are ignored.
func (sc *Script) take(f frame.Frame) bool {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	switch f.Type {
	case frame.Started:
		if sc.turn != starts || f.PID <= 1 {
			return false
		}
		sc.turn = runs
		sc.started <- f.PID // there is room: the last one was taken, or Run has given up
	case frame.Signal:
		select {
		case sc.signals <- f.Signal:
		default: // no one looks at it yet
		}
	case frame.Ended:
		if sc.turn != runs {
			return false
		}
		sc.turn = ended
		sc.ends <- Ended{Code: f.Code, Signal: f.Signal, MaxRSS: f.MaxRSS, User: f.User, System: f.System, Read: f.Read}
	case frame.Ask, frame.Pass, frame.Wait, frame.Run, frame.End, frame.Again:
		return false
	}
	return true
}
