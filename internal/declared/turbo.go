package declared

import (
	"maps"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/runnerfile"
	"github.com/heapmage/heapmage/internal/workspace"
)

// turbo is Turborepo's configuration: turbo.json or turbo.jsonc of the root and of
// packages, as https://turborepo.com/docs/reference/configuration describes them.
type turbo struct {
	root     *turboFile
	packages map[string]*turboFile // by the package's folder
	unread   []string              // files that are there and not read, with the reason
	ws       *workspace.Workspace
	cached   bool // results are kept, so that tasks get the variables that are declared
}

// readTurbo reads the files of a workspace. It returns nil if there is none for the root.
func readTurbo(ws *workspace.Workspace) (source, error) {
	d, err := runnerfile.Turbo(ws.Root, ".")
	if d == nil && err == nil {
		d, _, err = runnerfile.TurboNamed(ws)
	}
	if d == nil || err != nil {
		return nil, err
	}
	t := &turbo{packages: map[string]*turboFile{}, ws: ws}
	if t.root, err = parseTurbo(d); err != nil {
		return nil, err
	}
	for _, pkg := range ws.Packages {
		if pkg.Dir == "." {
			continue
		}
		if err := t.readPackage(ws.Root, pkg.Dir); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// readPackage reads the file of one package. Without "extends" it is the root of
// another workspace, which turbo refuses here.
func (t *turbo) readPackage(root, dir string) error {
	d, err := runnerfile.Turbo(root, dir)
	if d == nil || err != nil {
		return err
	}
	f, err := parseTurbo(d)
	if err != nil {
		return err
	}
	if !slices.Contains(f.extends, "//") {
		t.unread = append(t.unread, d.Path+` (it has no "extends": ["//"])`)
		return nil
	}
	t.packages[dir] = f
	return nil
}

func (t *turbo) concurrency() Setting[int] { return t.root.atOnce }

func (t *turbo) summary() string {
	var other []string
	for _, f := range t.files() {
		for _, key := range f.other {
			if !slices.Contains(other, key) {
				other = append(other, key)
			}
		}
	}
	if t.root.envMode == "strict" && !t.cached {
		other = append(other, "envMode (without cache: on, tasks get all variables)")
	}
	return summaryOf(t.root.Path, len(t.packages), part{"not obeyed", other}, part{"not read", t.unread}, part{"neither a task nor a script", t.findUnknown()})
}

func (t *turbo) global() []Line { return t.root.global }

func (t *turbo) rootTask(name string) bool {
	_, ok := t.root.tasks["//#"+name]
	return ok
}

// task joins what the files say, from the root's to the package's own.
func (t *turbo) task(pkg *workspace.Package, name string) (Task, bool) {
	found := Task{Passes: true}
	known := false
	if raw, ok := t.root.task(pkg.Keys(), name); ok {
		found.take(raw.entry, t.root.Path)
		known = true
	}
	for _, f := range t.chain(pkg.Dir, nil) {
		raw, ok := f.task(pkg.Keys(), name)
		if !ok {
			continue
		}
		if raw.alone {
			found = Task{DependsOn: Setting[[]string]{From: f.Path}, Passes: true}
		}
		found.take(raw.entry, f.Path)
		known = true
	}
	found.Reads = readsOfTurbo(pkg.Dir, found.Inputs.Value)
	if known && !found.DependsOn.Set() {
		found.DependsOn.From = t.root.Path // it names the task, and nothing that comes first
	}
	return found, known
}

// excludes is true after a last {"extends": false} with nothing beside it.
func (t *turbo) excludes(pkg *workspace.Package, name string) (out bool) {
	for _, f := range t.chain(pkg.Dir, nil) {
		if raw, ok := f.task(pkg.Keys(), name); ok {
			out = raw.alone && raw.empty
		}
	}
	return out
}

// chain returns the files that hold for a package beside the root's: those that its
// own extends, each once, then its own.
func (t *turbo) chain(dir string, seen []string) (files []*turboFile) {
	f := t.packages[dir]
	if f == nil || slices.Contains(seen, dir) {
		return nil
	}
	seen = append(seen, dir)
	for _, name := range f.extends {
		if name == "//" {
			continue
		}
		pkg := t.ws.Named(name)
		if pkg == nil {
			continue
		}
		for _, above := range t.chain(pkg.Dir, seen) {
			if !slices.Contains(files, above) {
				files = append(files, above)
			}
		}
	}
	return append(files, f)
}

// findUnknown returns what a dependsOn or a "with" names though no file declares it
// and no package has it as a script: turbo refuses to run what needs it.
func (t *turbo) findUnknown() []string {
	known := DefaultDependsOn()
	for _, name := range t.names() {
		known[name] = nil
	}
	unknown := map[string]bool{}
	for _, f := range t.files() {
		for _, raw := range f.tasks {
			for _, entry := range slices.Concat(raw.dependsOn, raw.with) {
				name := taskName(strings.TrimPrefix(entry, "^"))
				if _, ok := known[name]; !ok && entry != extends {
					unknown[name] = true
				}
			}
		}
	}
	if len(unknown) > 0 { // rarely, so that the scripts of all packages need no look
		for _, pkg := range t.ws.All() {
			maps.DeleteFunc(unknown, func(name string, _ bool) bool { _, ok := pkg.Scripts[name]; return ok })
		}
	}
	return slices.Sorted(maps.Keys(unknown))
}

// files are the root's file and those of the packages.
func (t *turbo) files() []*turboFile {
	files := []*turboFile{t.root}
	for _, dir := range slices.Sorted(maps.Keys(t.packages)) {
		files = append(files, t.packages[dir])
	}
	return files
}

func (t *turbo) names() (names []string) {
	for _, f := range t.files() {
		for name := range f.tasks {
			names = append(names, taskName(name))
		}
	}
	return names
}

// taskName is the last part of "web#build".
func taskName(name string) string { return name[strings.LastIndex(name, "#")+1:] }
