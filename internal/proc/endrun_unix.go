//go:build unix

package proc

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/memtools"
)

// endPatience is how long EndRun waits for what the kernel cannot end.
const endPatience = 3 * time.Second

// identity is the form of Self.
const identity = "%d %d %q"

// Self names this process so that EndRun can tell later whether it is gone.
func Self() string {
	p, err := proctable.Lookup(os.Getpid())
	if err != nil {
		return ""
	}
	return fmt.Sprintf(identity, p.PID, p.Start, namespace())
}

// namespace names where process numbers mean what they mean here: in another container they
// mean other processes. Empty but on Linux.
func namespace() string {
	name, _ := os.Readlink("/proc/self/ns/pid")
	return name
}

// EndRun ends what is left of a run whose program and reaper were killed at the same
// time: every process with its mark. owner is what Self returned in that program. It
// reports whether nothing is left. While the program lives, or if that cannot be told,
// it does nothing; nor does it end a run that this process is a part of.
func EndRun(id, owner string) (ended bool) {
	if !gone(owner) || len(marksOf(id, os.Getenv(memtools.MarkerEnv))) > 0 {
		return false
	}
	d := newDuties()
	for mark := range leftMarks(id) {
		d.wards[len(d.wards)] = proctable.Root{Mark: mark}
	}
	d.fulfil(endPatience)
	return len(leftMarks(id)) == 0
}

// gone reports whether the process that Self named has ended.
func gone(owner string) bool {
	var p proctable.Identity
	var place string
	_, _ = fmt.Sscanf(owner, identity, &p.PID, &p.Start, &place)
	if p.PID <= 0 || p.Start == 0 || place != namespace() {
		return false
	}
	now, err := proctable.Lookup(p.PID)
	return err != nil || now.Zombie || now.Start != p.Start
}

// leftMarks returns the marks of a run that processes have.
func leftMarks(id string) map[string]bool {
	table, err := proctable.Open()
	if err != nil {
		return nil
	}
	defer func() { _ = table.Close() }()
	all, err := table.All()
	if err != nil {
		return nil
	}
	left := map[string]bool{}
	for _, p := range all {
		if !p.Zombie && !p.Kernel && p.PID != os.Getpid() {
			environ, _ := table.Environ(p.PID) // one that cannot be told yet is about to end
			for _, mark := range marksOf(id, proctable.Marks(environ, memtools.MarkerEnv)) {
				left[mark] = true
			}
		}
	}
	return left
}

// marksOf returns those parts of marks that name tasks of a run.
func marksOf(id, marks string) (found []string) {
	for mark := range strings.SplitSeq(marks, proctable.MarkSeparator) {
		if strings.HasPrefix(mark, id+"/") {
			found = append(found, mark)
		}
	}
	return found
}
