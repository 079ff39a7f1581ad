package memtools

import (
	"os"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
)

// fakeTable is a process table in memory. It counts what it is asked.
type fakeTable struct {
	processes map[int]*fakeProcess
	serial    uint64 // of the last process
	lists     int
	shares    int            // readings of Share
	environs  map[uint64]int // reads of the environment, by process
	kept      map[*proctable.Measured]bool
	noFiles   bool         // descriptors are short while any is kept
	unsettled map[int]bool // processes in the middle of an exec
}

type fakeProcess struct {
	pid, ppid, pgid, sid int
	start, serial        uint64
	marker               string
	usage, shmem         Bytes
	rss, maxRSS          Bytes
	image                uint64
	share                proctable.Share
	cpu, childCPU        time.Duration
	zombie               bool
}

const fakeSelf = 100

func newFakeTable() *fakeTable {
	f := &fakeTable{processes: map[int]*fakeProcess{}, environs: map[uint64]int{}, kept: map[*proctable.Measured]bool{}}
	f.add(1, 0)
	f.add(fakeSelf, 1)
	return f
}

// add starts a process of 1 MB in its parent's group.
func (f *fakeTable) add(pid, ppid int) *fakeProcess {
	f.serial++
	p := &fakeProcess{pid: pid, ppid: ppid, serial: f.serial, start: f.serial, usage: MB}
	if parent := f.processes[ppid]; parent != nil {
		p.pgid, p.sid, p.marker = parent.pgid, parent.sid, parent.marker
	}
	f.processes[pid] = p
	return p
}

// lead makes p the leader of a new group.
func (p *fakeProcess) lead() *fakeProcess { p.pgid = p.pid; return p }

// detach makes p the leader of a new session and group.
func (p *fakeProcess) detach() { p.sid = p.pid; p.lead() }

// mark sets the value of the marker in p's environment.
func (p *fakeProcess) mark(value string) *fakeProcess { p.marker = value; return p }

// end takes a process away; init adopts its children.
func (f *fakeTable) end(pid int) {
	delete(f.processes, pid)
	for _, p := range f.processes {
		if p.ppid == pid {
			p.ppid = 1
		}
	}
}

func (f *fakeTable) List(to []proctable.Listed) ([]proctable.Listed, error) {
	f.lists++
	for pid, p := range f.processes {
		to = append(to, proctable.Listed{PID: pid, Serial: p.serial})
	}
	return to, nil
}

func (f *fakeTable) Identify(q *proctable.Process) error {
	p := f.processes[q.PID]
	if p == nil {
		return os.ErrProcessDone
	}
	q.Start, q.PPID, q.Group, q.Session, q.Zombie, q.Image = p.start, p.ppid, p.pgid, p.sid, p.zombie, p.image
	return nil
}

func (f *fakeTable) Environ(pid int) ([]byte, bool) {
	p := f.processes[pid]
	f.environs[p.serial]++
	if f.unsettled[pid] {
		return nil, false
	}
	return []byte(MarkerEnv + "=" + p.marker + "\x00"), true
}

func (f *fakeTable) Measure(m *proctable.Measured) error {
	p := f.processes[m.PID]
	if p == nil || p.start != m.Start {
		return os.ErrProcessDone
	}
	if f.noFiles && len(f.kept) > 0 {
		return proctable.ErrNoFiles
	}
	if !f.noFiles {
		f.kept[m] = true
	}
	m.PPID, m.Group, m.Session, m.Zombie, m.Usage, m.Shmem = p.ppid, p.pgid, p.sid, p.zombie, int64(p.usage+p.shmem), int64(p.shmem)
	m.RSS, m.MaxRSS = int64(p.rss), int64(p.maxRSS)
	return nil
}

func (f *fakeTable) MeasureCPU(m *proctable.Measured) {
	if p := f.processes[m.PID]; p != nil && p.start == m.Start {
		m.CPU, m.ChildCPU, m.Image = p.cpu, p.childCPU, p.image
	}
}

func (f *fakeTable) Share(pid int) (proctable.Share, error) {
	p := f.processes[pid]
	if p == nil {
		return proctable.Share{}, os.ErrProcessDone
	}
	f.shares++
	return p.share, nil
}

func (f *fakeTable) Forget(m *proctable.Measured) { delete(f.kept, m) }
func (f *fakeTable) Close() error                 { return nil }

func fakeTracker(t interface{ Fatal(...any) }, f *fakeTable) *Tracker {
	tracker, err := newTracker(f, fakeSelf)
	if err != nil {
		t.Fatal(err)
	}
	return tracker
}

// pids takes a sample and returns who is in the tree id.
func pids(t interface{ Fatal(...any) }, tracker *Tracker, id string) []int {
	s, err := tracker.Sample()
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, p := range s.Trees[id].Processes {
		all = append(all, p.PID)
	}
	return all
}
