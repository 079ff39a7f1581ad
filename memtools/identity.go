package memtools

import (
	"os"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/proctable"
)

// MarkerEnv is HEAPMAGE_TASK, the environment variable that marks the processes of a
// tree. A Tracker finds a marked process even if it left its parent, its group and its
// session.
const MarkerEnv = environ.Task

// Marker returns the environment entry "HEAPMAGE_TASK=id", for os/exec.Cmd.Env. It
// marks a child and everything below it as part of the tree that Tracker.Track counts
// under id. If this process itself is marked, the entry keeps the outer ids before
// its own, so that a tracker further up still finds the processes. id must not
// contain a semicolon.
func Marker(id string) string {
	if outer := os.Getenv(MarkerEnv); outer != "" {
		id = outer + proctable.MarkSeparator + id
	}
	return MarkerEnv + "=" + id
}

// Identity identifies a process even if its PID is reused.
type Identity struct {
	PID int
	// Start is the start time in a unit that depends on the system. Use it only for
	// comparison. Zero matches any process with the PID.
	Start uint64
}

// Identify returns the identity of the process that has the PID now. The error is
// os.ErrProcessDone if there is none, and errors.ErrUnsupported if the system's
// process table cannot be read.
func Identify(pid int) (Identity, error) {
	p, err := proctable.Lookup(pid)
	if err != nil {
		return Identity{}, err
	}
	return Identity(p.Identity), nil
}

// Alive reports whether the process exists. A zombie does not count.
func (id Identity) Alive() bool {
	p, err := proctable.Lookup(id.PID)
	return err == nil && !p.Zombie && (id.Start == 0 || p.Start == id.Start)
}

// Signal sends sig to this process, and never to a later one with its PID. The
// error is os.ErrProcessDone if the process has ended.
func (id Identity) Signal(sig os.Signal) error {
	return proctable.Signal(proctable.Identity(id), sig)
}
