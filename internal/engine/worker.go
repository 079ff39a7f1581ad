package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool"
	"github.com/heapmage/heapmage/pool/worker"
)

// workTargets are the targets of the build worker by its types of task.
var workTargets = map[string]string{
	"buildPackage": "build", "typecheck": "typecheck", "test": "test", "lint": "lint", "clean": "clean",
}

// Work is what a task of the build worker is given.
type Work struct {
	// Workspace is the package: its name, its folder or the folder's last name.
	Workspace string `json:"workspace"`
	// TestPath is handed to the test script.
	TestPath string `json:"testPath,omitempty"`
	// Fix has the linter mend what it can.
	Fix bool `json:"fix,omitempty"`
}

// Worked is what a task of the build worker answers.
type Worked struct {
	// Package and Script are what ran.
	Package string `json:"package"`
	Script  string `json:"script"`
	// Duration and CPU are the wall and processor time of the last attempt.
	Duration time.Duration `json:"duration"`
	CPU      time.Duration `json:"cpu"`
	// Peak is the highest usage of its processes.
	Peak memtools.Bytes `json:"peak"`
	// Attempts is more than 1 where it failed for memory before.
	Attempts int `json:"attempts"`
	// Log is the file that holds its output.
	Log string `json:"log"`
}

// units run the granted attempts of a run in a pool of workers. The workers are
// goroutines of this process: the isolation is that of each script's own
// processes, and the scheduler's grant is the only reservation.
type units struct {
	*run
	pool  *pool.Pool
	tasks map[string]*taskgraph.Task

	mu      sync.Mutex // guards all below
	granted map[string]granted
}

// granted is an attempt that the scheduler allowed.
type granted struct {
	ctx context.Context
	unit
	schedule.Grant
}

// openPool makes the pool for tasks.
func (r *run) openPool(tasks []*taskgraph.Task) (*units, error) {
	u := &units{run: r, tasks: map[string]*taskgraph.Task{}, granted: map[string]granted{}}
	handlers := worker.Handlers{}
	for _, t := range tasks {
		u.tasks[t.ID] = t
		handlers[t.Target] = worker.Func(u.work)
	}
	var err error
	u.pool, err = pool.New(pool.Handlers(handlers), pool.Options{MaxWorkers: max(1, len(tasks))})
	return u, err
}

// exec gives an attempt to a worker and waits for its end.
func (u *units) exec(ctx context.Context, g schedule.Grant) schedule.Outcome {
	t := u.tasks[g.ID]
	u.mu.Lock()
	u.granted[g.ID] = granted{ctx, u.unit(t), g}
	u.mu.Unlock()
	// The worker sees the end of ctx by itself: an attempt has ended only when
	// its processes have.
	o, err := pool.Do[schedule.Outcome](context.WithoutCancel(ctx), u.pool, pool.Task{Type: t.Target, Data: g.ID})
	if err != nil {
		f := event.TaskFinished{Task: u.describe(t), Attempt: g.Attempt, Status: event.Failed, ExitCode: -1, Reason: err.Error()}
		u.run.mu.Lock()
		delete(u.active, t.ID)
		u.ended = append(u.ended, f)
		u.run.mu.Unlock()
		u.events.Emit(f)
		return schedule.Outcome{Result: schedule.Failed}
	}
	return o
}

func (u *units) work(_ context.Context, id string) (schedule.Outcome, error) {
	u.mu.Lock()
	g := u.granted[id]
	delete(u.granted, id)
	u.mu.Unlock()
	return u.attempt(g.ctx, g.unit, g.Grant), nil
}

func (u *units) close() error { return u.pool.Shutdown(context.Background()) }

// Session is a workspace whose packages' scripts are run one by one, as someone
// asks for them, measured and recorded as a build's are.
type Session struct {
	run *run
	ctx context.Context
	end func()

	mu   sync.Mutex // guards busy
	busy map[string]*sync.Mutex
}

// OpenSession opens the workspace around dir. The log goes to out.
func OpenSession(ctx context.Context, dir string, out io.Writer) (*Session, error) {
	p, err := open(Request{Dir: dir, Target: "build"})
	if err != nil {
		return nil, err
	}
	p.graph = &taskgraph.Graph{}
	if err := p.readSettings(ctx); err != nil {
		return nil, err
	}
	p.openHistory()
	p.measureSources(p.everyPackage())
	ctx, cancel := context.WithCancel(ctx)
	s := &Session{run: &run{prepared: p, id: proc.NewRunID(), started: time.Now()}, ctx: ctx, end: cancel, busy: map[string]*sync.Mutex{}}
	if err := s.run.open(ctx, out); err != nil {
		cancel()
		return nil, err
	}
	return s, nil
}

// Close ends the session. No script may be running.
func (s *Session) Close() error {
	s.end()
	return s.run.close()
}

// Handlers are the build worker's, for pool.Handlers.
func (s *Session) Handlers() worker.Handlers {
	h := worker.Handlers{}
	for typ, target := range workTargets {
		h[typ] = worker.Func(func(ctx context.Context, w Work) (Worked, error) { return s.Do(ctx, target, w) })
	}
	return h
}

// Do runs the script of one package for a target. It does not run what the
// package depends on.
func (s *Session) Do(ctx context.Context, target string, w Work) (Worked, error) {
	u, err := s.unit(target, w)
	if err != nil {
		return Worked{}, err
	}
	unlock := s.lock(u.ID)
	defer unlock()
	s.run.forgive(u.ID)
	for attempt := 1; ; attempt++ {
		o := s.run.attempt(ctx, u, schedule.Grant{Job: schedule.Job{ID: u.ID, Estimate: s.run.estimate(u.Task)}, Attempt: attempt})
		if o.Result == schedule.Again {
			continue
		}
		f := s.run.lastOf(u.ID)
		done := Worked{Package: u.Package.Name, Script: u.Script, Duration: f.Duration, CPU: f.CPU, Peak: f.Peak, Attempts: attempt, Log: f.Log}
		if o.Result == schedule.Failed {
			return done, fmt.Errorf("%s failed after %.2fs: %s", u.ID, f.Duration.Seconds(), f.Reason)
		}
		return done, nil
	}
}

// unit finds the one task that is meant.
func (s *Session) unit(target string, w Work) (unit, error) {
	if w.Workspace == "" {
		w.Workspace = "."
	}
	all := true
	request := Request{Target: target, Packages: &w.Workspace, NoDeps: &all, Fix: &w.Fix}
	if w.TestPath != "" {
		request.TestPath = &w.TestPath
	}
	p := *s.run.prepared
	p.Request = request
	graph, err := p.tasks()
	if err != nil {
		return unit{}, err
	}
	if len(graph.Tasks) != 1 {
		return unit{}, errors.New(w.Workspace + " is more than one package: give each a task of its own")
	}
	return request.unit(graph.Tasks[0]), nil
}

// lock keeps two tasks of the same script of the same package apart.
func (s *Session) lock(id string) (unlock func()) {
	s.mu.Lock()
	m := s.busy[id]
	if m == nil {
		m = &sync.Mutex{}
		s.busy[id] = m
	}
	s.mu.Unlock()
	m.Lock()
	return m.Unlock
}

// forgive forgets the memory failures of a task.
func (r *run) forgive(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.failures, func(key string, _ int) bool { return strings.HasPrefix(key, id+" ") })
}

// lastOf is how the last attempt at a task ended.
func (r *run) lastOf(id string) (last event.TaskFinished) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.ended {
		if f.ID == id {
			last = f
		}
	}
	return last
}
