package declared

import (
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
	"github.com/heapmage/heapmage/internal/runnerfile"
	"github.com/heapmage/heapmage/internal/workspace"
)

// lage is the configuration of Lage, as https://microsoft.github.io/lage/docs/reference/config
// describes it: "lage" in package.json, or a file of its own, if that is data.
type lage struct {
	silent
	*jsonc.Document
	tasks   map[string]lageTask
	atOnce  Setting[int]
	other   []string // keys that are not obeyed
	workers []string // tasks that run in a worker, not as a script
}

// lageTask is what the file says of a task.
type lageTask struct {
	entry
	noop bool // it has no script run
}

// lageNotOrder are keys that do not concern what a target runs.
var lageNotOrder = []string{"$schema", "allowNoTargetRuns", "cacheOptions", "ignore", "loggerOptions", "npmClient", "reporter", "repoWideChanges", "workerIdleMemoryLimit"}

// readLage returns nil if there is no configuration, or only one that is a program.
func readLage(ws *workspace.Workspace) (source, error) {
	d, top, err := runnerfile.Lage(ws)
	if d == nil || err != nil {
		return nil, err
	}
	l := &lage{Document: d, tasks: map[string]lageTask{}}
	fields, err := d.Object(top, "the configuration")
	if err != nil {
		return nil, err
	}
	for _, f := range fields {
		switch {
		case jsonc.IsNull(f.Value) || slices.Contains(lageNotOrder, f.Name):
		case f.Name == "pipeline":
			err = l.readPipeline(f.Value)
		case f.Name == "concurrency":
			l.atOnce, err = concurrencyOf(d, f)
		default:
			l.other = append(l.other, f.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *lage) readPipeline(v hujson.Value) error {
	fields, err := l.Object(v, "pipeline")
	if err != nil {
		return err
	}
	for _, f := range fields {
		where := "pipeline." + f.Name
		var t lageTask
		if jsonc.IsObject(f.Value) {
			t, err = l.readTask(f.Name, f.Value, where)
		} else {
			t.dependsOn, err = l.Texts(f.Value, where)
		}
		if err != nil {
			return err
		}
		l.tasks[f.Name] = t
	}
	return nil
}

func (l *lage) readTask(name string, v hujson.Value, where string) (t lageTask, err error) {
	fields, err := l.Object(v, where)
	t.dependsOn = []string{}
	lists := map[string]*[]string{"dependsOn": &t.dependsOn, "deps": &t.dependsOn, "inputs": &t.inputs, "outputs": &t.outputs, "environmentGlob": &t.inputs}
	for _, f := range fields {
		to := lists[f.Name]
		switch {
		case jsonc.IsNull(f.Value):
		case to != nil:
			*to, err = l.Texts(f.Value, where+"."+f.Name)
		case f.Name == "cache":
			var cached bool
			cached, err = l.Boolean(f.Value, where+".cache")
			t.cache = &cached
		case f.Name == "type":
			switch kind, _ := jsonc.Text(f.Value); kind {
			case "npmScript":
			case "noop":
				t.noop = true
			default:
				l.workers = append(l.workers, name+" ("+kind+")")
			}
		case !slices.Contains(l.other, f.Name):
			l.other = append(l.other, f.Name)
		}
		if err != nil {
			return t, err
		}
	}
	return t, err
}

// find returns the entry for a package's task: "web#build" stands instead of "build", and
// "#build" is the root's.
func (l *lage) find(pkg *workspace.Package, name string) (lageTask, bool) {
	for _, key := range pkg.Keys() {
		if t, ok := l.tasks[key+"#"+name]; ok {
			return t, true
		}
	}
	if pkg.Dir == "." {
		if t, ok := l.tasks["#"+name]; ok {
			return t, true
		}
	}
	t, ok := l.tasks[name]
	return t, ok
}

func (l *lage) task(pkg *workspace.Package, name string) (Task, bool) {
	found, ok := l.find(pkg, name)
	if !ok {
		return Task{}, false
	}
	// Without a script, only what is declared of one package has no effect.
	general, ok := l.tasks[name]
	t := Task{Passes: found.noop || ok && slices.Equal(general.dependsOn, found.dependsOn)}
	t.take(found.entry, l.Path)
	t.Reads = besideOwn(pkg.Dir, t.Inputs.Value)
	var order []string
	for _, entry := range found.dependsOn {
		if all, ok := strings.CutPrefix(entry, "^^"); ok { // of packages at any distance
			for _, other := range pkg.Below() {
				order = append(order, other.Name+"#"+all)
			}
			continue
		}
		if strings.HasPrefix(entry, "#") {
			entry = "//" + entry
		}
		order = append(order, entry)
	}
	t.DependsOn.Value = order
	return t, true
}

func (l *lage) excludes(pkg *workspace.Package, name string) bool {
	t, ok := l.find(pkg, name)
	return ok && t.noop
}

func (l *lage) rootTask(name string) bool {
	_, ok := l.tasks["#"+name]
	if !ok {
		_, ok = l.tasks["//#"+name]
	}
	return ok
}

func (l *lage) names() (names []string) {
	for name := range l.tasks {
		names = append(names, taskName(name))
	}
	return names
}

func (l *lage) concurrency() Setting[int] { return l.atOnce }

func (l *lage) summary() string {
	return summaryOf(l.Path, 0, part{"not obeyed", l.other}, part{"run by a worker of lage, by heapmage as a script", l.workers})
}
