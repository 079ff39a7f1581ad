package engine

import (
	"path/filepath"

	"github.com/heapmage/heapmage/internal/outputs"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// outputs are the files that a task is declared to write.
func (p *place) outputs(t *taskgraph.Task) outputs.Set {
	s := outputs.Set{Dir: filepath.Join(p.ws.Root, t.Package.Dir), Patterns: p.config.TaskFor(t.Package.Keys(), t.Target).Outputs}
	for _, pkg := range plan.Packages(p.ws) {
		s.Members = append(s.Members, filepath.Join(p.ws.Root, pkg.Dir))
	}
	return s
}
