package declared

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

const pnpmFile = pkgmanager.PNPMFile

// firstWithTasks is the first major version of pnpm that obeys "tasks".
const firstWithTasks = 11

// pnpm is what "tasks" in pnpm-workspace.yaml declares, as
// https://pnpm.io/workspace-task-orchestration describes it.
type pnpm struct {
	silent
	tasks map[string]Task
	other []string // keys that are not obeyed
}

// readPNPM returns nil if the file declares no tasks, or for a pnpm that has none.
func readPNPM(ws *workspace.Workspace) (source, error) {
	// A version without a dot is what the lock file implies, which newer ones write too.
	if ws.Manager != workspace.PNPM || strings.Contains(ws.ManagerVersion, ".") && ws.Major() < firstWithTasks {
		return nil, nil
	}
	var file struct{ Tasks yaml.Node }
	if err := ws.PNPM.Decode(&file); err != nil || file.Tasks.IsZero() {
		return nil, err
	}
	var tasks map[string]map[string]yaml.Node
	if err := file.Tasks.Decode(&tasks); err != nil {
		return nil, wrongTask(file.Tasks, "tasks is not an object of objects", "write it as tasks: {build: {dependsOn: [^build]}}")
	}
	p := &pnpm{tasks: map[string]Task{}}
	for _, name := range slices.Sorted(maps.Keys(tasks)) {
		t, err := p.readTask(name, tasks[name])
		if err != nil {
			return nil, err
		}
		p.tasks[name] = t
	}
	return p, nil
}

func (p *pnpm) readTask(name string, keys map[string]yaml.Node) (Task, error) {
	t := Task{DependsOn: Setting[[]string]{nil, pnpmFile}, Passes: true}
	lists := map[string]*Setting[[]string]{"dependsOn": &t.DependsOn, "outputs": &t.Outputs, "inputs": &t.Inputs, "env": &t.Env}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		node := keys[key]
		to := lists[key]
		switch {
		case node.Tag == "!!null":
		case to != nil:
			if node.Decode(&to.Value) != nil {
				return t, wrongTask(node, "tasks."+name+"."+key+" is not a list of strings", "write it as [^build]")
			}
			to.From = pnpmFile
		case key == "cache":
			if node.Decode(&t.Cache.Value) != nil {
				return t, wrongTask(node, "tasks."+name+"."+key+" is neither true nor false", "write true or false")
			}
			t.Cache.From = pnpmFile
		case !slices.Contains(p.other, key):
			p.other = append(p.other, key)
		}
	}
	return t, nil
}

func wrongTask(at yaml.Node, what, hint string) error {
	return &problem.Error{Where: fmt.Sprintf("%s:%d", pnpmFile, at.Line), What: what, Hint: hint}
}

func (p *pnpm) task(pkg *workspace.Package, name string) (Task, bool) {
	t, ok := p.tasks[name]
	t.Reads = besideOwn(pkg.Dir, t.Inputs.Value)
	return t, ok
}

func (p *pnpm) names() []string { return slices.Collect(maps.Keys(p.tasks)) }

func (p *pnpm) summary() string { return summaryOf(pnpmFile, 0, part{"not obeyed", p.other}) }

// declaresPNPM reports whether pnpm's "tasks" are there. A task that they do not name comes
// after the same one of the packages that its package depends on.
func (m *Model) declaresPNPM() bool {
	return slices.ContainsFunc(m.sources, func(s source) bool { _, ok := s.(*pnpm); return ok })
}
