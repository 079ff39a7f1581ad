package guard

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/admission"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/meter"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/internal/sighting"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// freshShare is the part of the budget for each task that was seen and of which nothing is known.
const freshShare = 512 * memtools.MB

// minLife is how long a task that was seen and of which nothing is known runs before it is one:
// runners start many small helpers.
const minLife = 300 * time.Millisecond

// plenty is more than the tasks that begin between two looks can take by the time that the next
// sample of memory tells, half a second: a Node process grows by at most 100 MB in a tenth of it.
const plenty = 4 * memtools.GB

// minSighted is the learned need from which a task that was seen is frozen until its turn.
const minSighted = 64 * memtools.MB

// sighted is a task that was seen while it ran already: it started past the shim. Its exit code
// is its parent's affair, unless it is the command.
type sighted struct {
	leader  proctable.Identity
	tree    *proc.Foreign
	command *command      // that it is; nil if it is another process
	gone    chan struct{} // closed once it has ended, or is no task any more
}

func (s sighted) root() int { return s.leader.PID }

func (sighted) options() (node, goLimit string, settable bool) { return "", "", false }

func (s sighted) start(context.Context, map[string]string) (int, error) {
	select {
	case <-s.gone:
		return 0, errLost
	default:
		return s.leader.PID, s.tree.Resume()
	}
}

func (s sighted) wait(ctx context.Context) (admission.Ended, error) {
	select {
	case <-s.gone:
		return s.ended(), nil
	case <-ctx.Done():
		// The command often ends before the next look tells that its last tasks have.
		if p, err := proctable.Lookup(s.leader.PID); errors.Is(err, os.ErrProcessDone) || err == nil && (p.Zombie || p.Start != s.leader.Start) {
			return s.ended(), nil
		}
		if errors.Is(context.Cause(ctx), errAbandoned) {
			return admission.Ended{}, nil // it goes on: whether it succeeds is its parent's affair
		}
		return admission.Ended{}, context.Cause(ctx)
	}
}

func (s sighted) ended() admission.Ended {
	if s.command == nil {
		return admission.Ended{}
	}
	<-s.command.exited
	return admission.Ended{Code: s.command.code()}
}

func (sighted) passed() <-chan int { return nil }

func (s sighted) lost() <-chan struct{} { return s.gone }

func (sighted) next(string) error { return errLost } // nobody could start it again

func (sighted) finish() {}

func (s sighted) pass() { _ = s.tree.Resume() }

// look looks for tasks that start past the shim, until the command has ended.
func (g *guard) look() {
	if g.watcher == nil {
		return
	}
	defer func() { _ = g.watcher.Close() }()
	checked := time.Now()
	next := time.Duration(0)
	for {
		select {
		case <-g.over:
			return
		case <-g.watcher.Woken():
		case <-time.After(next):
		}
		now := time.Now()
		seen, err := g.watcher.Look(now, g.admitted(), roomy(g.session.Meter.Last()))
		next = seen.Next
		if err != nil {
			continue // the next look may succeed
		}
		g.sight(now, seen)
		if now.Sub(checked) >= time.Second {
			checked = now
			g.refreeze()
		}
	}
}

// roomy reports whether so much memory is free that what begins between two looks cannot fill it.
func roomy(now meter.Reading) bool { return min(now.Budget-now.Usage, now.Available) > plenty }

// packageOf is the package that a unit works in.
func (g *guard) packageOf(u sighting.Unit) *workspace.Package {
	for _, pkg := range g.Workspace.All() {
		if pkg.Name == u.Package {
			return pkg
		}
	}
	return g.packageAt(filepath.Join(g.Workspace.Root, filepath.FromSlash(u.Folder)))
}

// refreeze freezes again the scripts that are to be frozen and go on, because somebody else has
// continued them: the shell's fg continues all of a job.
func (g *guard) refreeze() {
	g.mu.Lock()
	jobs := slices.Collect(maps.Values(g.jobs))
	g.mu.Unlock()
	for _, j := range jobs {
		if a := j.present(); a != nil {
			a.reads()
			if p, err := proctable.Lookup(a.leader.PID); err == nil && !p.Stopped {
				a.Refreeze()
			}
		}
	}
}

// watch begins to look at the processes below the command.
func (g *guard) watch(pid int) {
	program := ""
	if g.server != nil {
		program = g.program
	}
	var err error
	if g.watcher, err = sighting.New(pid, g.Workspace, program); err != nil {
		g.watcher = nil
		g.sayOnce(event.Notice{Kind: event.GuardBlind, Text: "Tasks that start without a shell, as those of make, are measured, but not held back on this system"})
	}
}

// admitted are the roots of the scripts that are tasks already.
func (g *guard) admitted() map[proctable.Identity]bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	roots := make(map[proctable.Identity]bool, len(g.jobs))
	for _, j := range g.jobs {
		if s, ok := j.process.(*shimmed); ok && !j.container.Load() {
			roots[s.shim] = true
		}
	}
	return roots
}

// birth is a job that was just seen.
type birth struct {
	at  time.Time
	job *job
}

// sight takes what has changed since the last look.
func (g *guard) sight(now time.Time, seen sighting.Sighted) {
	for _, u := range seen.Ended {
		delete(g.young, u.Leader)
		if j := g.seen[u.Leader]; j != nil {
			delete(g.seen, u.Leader)
			close(j.process.(sighted).gone)
		}
	}
	for _, u := range seen.Divided {
		delete(g.young, u.Leader)
		if j := g.seen[u.Leader]; j != nil {
			g.release(j)
			delete(g.seen, u.Leader)
			close(j.process.(sighted).gone)
		}
	}
	for _, u := range seen.Began {
		g.began(now, u)
	}
	for leader, b := range g.young {
		if now.Sub(b.at) >= minLife {
			delete(g.young, leader)
			b.job.cold = !b.job.fresh || b.job.lasting || mayBeginFresh(g.fresh(), g.MaxBudget)
			g.take(leader, b.job)
		}
	}
}

func (g *guard) began(now time.Time, u sighting.Unit) {
	name, text := u.Script, ""
	if name == "" || u.Part {
		name, text = u.Command, u.Command
	}
	if name == "" {
		return // it is about to become something else
	}
	p := sighted{leader: u.Leader, tree: proc.Adopt(u.Leader), gone: make(chan struct{})}
	if u.Leader.PID == g.command.Process.Pid {
		p.command = g.command
	}
	j := &job{guard: g, process: p, task: taskIn(g.packageOf(u), name, text), once: true}
	j.lasting = lasts(j.task)
	known := j.Predict(j.task, j.Sources.Of(j.task.Package))
	if j.fresh = heap.Learned(known) == 0; j.fresh || j.lasting || known.Need < minSighted {
		g.young[u.Leader] = birth{now, j}
	} else {
		g.take(u.Leader, j)
	}
}

// take takes in a task that was seen. It is frozen until its turn, unless it is cold: what never
// ran holds nothing, is measured, and frozen when memory is short.
func (g *guard) take(leader proctable.Identity, j *job) {
	if !j.cold {
		_ = j.process.(sighted).tree.Suspend() // it has ended
	}
	g.seen[leader] = j
	g.add(j)
}

// fresh counts the tasks of which nothing is known that run at once. Many would hold too much by
// the time that memory is short.
func (g *guard) fresh() (n int) {
	for _, j := range g.seen {
		if j.fresh && j.cold && !j.container.Load() {
			n++
		}
	}
	return n
}

// mayBeginFresh reports whether one more such task may run beside others.
func mayBeginFresh(others int, budget memtools.Bytes) bool {
	return others == 0 || memtools.Bytes(others+1)*freshShare <= budget
}
