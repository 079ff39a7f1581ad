package rerun

import (
	"path/filepath"
	"slices"
	"sync"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/outputs"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/workspace"
)

// progress is how far a run is. It is a tally.Reporter.
type progress struct {
	mu      sync.Mutex // guards all below
	planned *plan.Plan // nil before the run begins
	byName  map[string]*workspace.Package
	started map[*workspace.Package]bool
	running map[*workspace.Package]int
	undone  map[*workspace.Package]int // tasks that have not succeeded
}

// begin sets what runs.
func (p *progress) begin(planned *plan.Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.planned = planned
	p.byName, p.started, p.running, p.undone = map[string]*workspace.Package{}, map[*workspace.Package]bool{}, map[*workspace.Package]int{}, map[*workspace.Package]int{}
	for _, t := range planned.Graph.Tasks {
		p.byName[t.Package.Name] = t.Package
		p.undone[t.Package]++
	}
}

// begun is what the run has, nil if it did not begin.
func (p *progress) begun() *plan.Plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.planned
}

// Take notes which tasks run.
func (p *progress) Take(s event.Stamped, _ *tally.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := s.Event.(type) {
	case event.TaskStarted:
		pkg := p.byName[e.Package]
		p.started[pkg] = true
		p.running[pkg]++
	case event.TaskKnown:
		pkg := p.byName[e.Package]
		p.started[pkg] = true // its outputs are put in place
		p.undone[pkg]--
	case event.TaskFinished:
		pkg := p.byName[e.Package]
		p.running[pkg]--
		if e.Status == event.Succeeded {
			p.undone[pkg]--
		}
	}
}

// mayWrite reports whether a task that has started may have written a file, and whether one
// runs that may read or write it.
func (p *progress) mayWrite(name string) (started, running bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.planned == nil {
		return false, false
	}
	if pkg := p.planned.Workspace.Owner(name); pkg != nil {
		return p.started[pkg], p.running[pkg] > 0
	}
	for _, n := range p.running { // it is the root's, or nobody's
		running = running || n > 0
	}
	return len(p.started) > 0, running
}

// declared reports whether a file is declared to be an output of a task that runs.
func (p *progress) declared(name string) bool {
	return slices.ContainsFunc(p.sets(), func(s outputs.Set) bool {
		rel, err := filepath.Rel(s.Dir, filepath.Join(s.Root, filepath.FromSlash(name)))
		return err == nil && filepath.IsLocal(rel) && s.Match(filepath.ToSlash(rel))
	})
}

func (p *progress) sets() (sets []outputs.Set) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.planned == nil {
		return nil
	}
	for _, t := range p.planned.Graph.Tasks {
		if patterns := p.planned.Declared.Task(t.Package, t.Target, t.Script).Outputs.Value; len(patterns) > 0 {
			sets = append(sets, outputs.Set{Root: p.planned.Workspace.Root, Dir: t.Package.Path, Patterns: patterns})
		}
	}
	return sets
}

// unfinished are the folders of the packages whose tasks did not all succeed.
func (p *progress) unfinished() (dirs []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for pkg, n := range p.undone {
		if n > 0 {
			dirs = append(dirs, pkg.Dir)
		}
	}
	slices.Sort(dirs)
	return dirs
}
