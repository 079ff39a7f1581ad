package guard

import (
	"errors"
	"net"
	"os"

	"github.com/heapmage/heapmage/internal/admission"
	"github.com/heapmage/heapmage/internal/admission/frame"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/script"
)

// npxEvent is the npm_lifecycle_event of what npx starts, which is a script of no package.
const npxEvent = "npx"

// accept takes the scripts that ask, until the server is closed.
func (g *guard) accept() {
	for {
		s, err := g.server.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			g.ask(s)
		}
	}
}

// ask decides what a script that asks is: a task, a part of one, or one that only starts
// others.
func (g *guard) ask(asks *admission.Script) {
	ask := asks.Ask()
	t := g.task(ask.Folder, ask.Event, ask.Text)
	outer := g.around(ask.PID)
	kept := true
	if outer != nil {
		if s, ok := outer.process.(*shimmed); ok {
			kept = s.keep
		}
	}
	switch {
	case ask.Event == npxEvent, outer != nil && outer.task.Package.Path == t.Package.Path:
		_ = asks.Pass(kept, "") // else it runs without us by itself
		return
	case g.fansOut(t):
		_ = asks.Pass(true, "")
		return
	}
	if outer != nil {
		g.release(outer)
	}
	g.add(&job{guard: g, process: &shimmed{asks, identify(ask.PID), g.mayFanOut(t)}, task: t, lasting: lasts(t), once: !g.mayRunAgain(t, ask), open: ask.Stdin == frame.Open})
}

// maxDepth bounds the way up through the process table, which changes meanwhile.
const maxDepth = 1000

// around returns the script that a process runs inside of, the innermost; nil if there is none.
func (g *guard) around(pid int) *job {
	g.mu.Lock()
	defer g.mu.Unlock()
	by := make(map[int]*job, len(g.jobs))
	for _, s := range g.jobs {
		by[s.process.root()] = s
	}
	for range maxDepth {
		p, err := proctable.Lookup(pid)
		if err != nil || p.PPID <= 1 || p.PPID == os.Getpid() {
			return nil
		}
		if s := by[p.PPID]; s != nil {
			return s
		}
		pid = p.PPID
	}
	return nil
}

// add has a script wait for its turn.
func (g *guard) add(s *job) {
	g.mu.Lock()
	if g.ended {
		g.mu.Unlock()
		s.process.pass()
		return
	}
	g.adding.Add(1)
	defer g.adding.Done()
	g.names[s.task.ID]++
	s.name(g.names[s.task.ID])
	g.jobs[s.id] = s
	g.mu.Unlock()
	e := s.estimate()
	g.session.Events.Emit(event.RunPlanned{Tasks: []event.PlannedTask{{Task: s.event, Need: e.Need, Length: e.Length, Cores: e.Cores}}})
	select {
	case g.arrivals <- schedule.Job{ID: s.id, Fragile: script.IsTest(s.task.Script), Once: s.once, Lasting: s.lasting, Estimate: e}:
	case <-g.over:
		s.process.pass()
	}
}

// release gives back what a script holds that turned out to start other scripts.
func (g *guard) release(s *job) {
	if !s.becomesContainer() {
		return
	}
	select {
	case g.released <- s.id:
	case <-g.over:
	}
}

// forget removes a script that has ended.
func (g *guard) forget(s *job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.jobs, s.id)
}
