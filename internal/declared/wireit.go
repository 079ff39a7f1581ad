package declared

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
	"github.com/heapmage/heapmage/internal/workspace"
)

// wireit is what "wireit" of each package.json declares, as
// https://github.com/google/wireit#configuration describes it. A script whose text is
// "wireit" has wireit run what it needs, so heapmage runs it as it is, and takes from here
// its order after the tasks of other packages.
type wireit struct {
	silent
	scripts  map[script]*wireitScript
	packages int      // that have any
	unknown  []string // dependencies on what is no package
}

// script is a script of a package.
type script struct {
	pkg  *workspace.Package
	name string
}

func (s script) id() string { return s.pkg.Name + "#" + s.name }

// wireitScript is what one script declares.
type wireitScript struct {
	entry
	needs   []script
	from    string
	tracked bool // what it reads is known, so that wireit can tell that it is fresh
	service bool
}

// readWireit returns nil if no script runs wireit.
func readWireit(ws *workspace.Workspace) (source, error) {
	w := &wireit{scripts: map[script]*wireitScript{}}
	for _, pkg := range ws.All() {
		if !bytes.Contains(pkg.Manifest, []byte(`"wireit"`)) { // few have it
			continue
		}
		before := len(w.scripts)
		if err := w.readPackage(ws, pkg); err != nil {
			return nil, err
		}
		if len(w.scripts) > before {
			w.packages++
		}
	}
	if w.packages == 0 {
		return nil, nil
	}
	return w, nil
}

func (w *wireit) readPackage(ws *workspace.Workspace, pkg *workspace.Package) error {
	d, err := jsonc.Parse(path.Join(pkg.Dir, "package.json"), pkg.Manifest)
	if err != nil {
		return err
	}
	own, ok := jsonc.Member(d.Top, "wireit")
	if !ok {
		return nil
	}
	fields, err := d.Object(own, "wireit")
	for _, f := range fields {
		if !runsWireit(pkg.Scripts[f.Name]) {
			continue // wireit does not read it either
		}
		var s *wireitScript
		if s, err = w.readScript(ws, pkg, d, f); err != nil {
			return err
		}
		w.scripts[script{pkg, f.Name}] = s
	}
	return err
}

// ofMember is how a script starts the wireit of a folder above.
var ofMember = regexp.MustCompile(`^(\.\./)+node_modules/\.bin/wireit$`)

// runsWireit reports whether a script's text is one by which wireit knows its own.
func runsWireit(text string) bool {
	return text == "wireit" || text == "yarn run -TB wireit" || ofMember.MatchString(text)
}

func (w *wireit) readScript(ws *workspace.Workspace, pkg *workspace.Package, d *jsonc.Document, f jsonc.Field) (*wireitScript, error) {
	where := "wireit." + f.Name
	s := &wireitScript{from: d.Path}
	fields, err := d.Object(f.Value, where)
	lists := map[string]*[]string{"files": &s.inputs, "output": &s.outputs}
	s.tracked = true
	for _, f := range fields {
		to := lists[f.Name]
		switch {
		case jsonc.IsNull(f.Value):
		case to != nil:
			*to, err = d.Texts(f.Value, where+"."+f.Name)
		case f.Name == "command":
			s.tracked = false
		case f.Name == "service":
			l, literal := f.Value.Value.(hujson.Literal)
			s.service = !literal || l.Kind() == 't'
		case f.Name == "env":
			s.env, err = variables(d, f.Value, where+".env")
		case f.Name == "dependencies":
			err = w.readNeeds(ws, pkg, d, f.Value, s)
		}
		if err != nil {
			return nil, err
		}
	}
	s.tracked = s.tracked || s.inputs != nil
	return s, err
}

// variables are the names in an object of variables.
func variables(d *jsonc.Document, v hujson.Value, where string) (names []string, err error) {
	fields, err := d.Object(v, where)
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names, err
}

// readNeeds reads dependencies: "codegen", "../core:build", or an object with such a script.
func (w *wireit) readNeeds(ws *workspace.Workspace, pkg *workspace.Package, d *jsonc.Document, v hujson.Value, s *wireitScript) error {
	list, ok := v.Value.(*hujson.Array)
	if !ok {
		return d.Wrong(v, "dependencies is not a list", `write it as ["codegen", "../core:build"]`)
	}
	for _, e := range list.Elements {
		text, ok := jsonc.Text(e)
		if named, has := jsonc.Member(e, "script"); has {
			text, ok = jsonc.Text(named)
		}
		if !ok {
			return d.Wrong(e, "dependencies holds something that names no script", `write it as "codegen" or {"script": "../core:build"}`)
		}
		need := script{pkg, text}
		if strings.HasPrefix(text, ".") {
			folder, name, _ := strings.Cut(text, ":")
			need = script{ws.At(path.Join(pkg.Dir, folder)), name}
		}
		if need.pkg == nil {
			w.unknown = append(w.unknown, pkg.Name+"#"+text)
			continue
		}
		s.needs = append(s.needs, need)
	}
	return nil
}

func (w *wireit) task(pkg *workspace.Package, name string) (Task, bool) {
	own := script{pkg, name}
	s := w.scripts[own]
	if s == nil {
		return Task{}, false
	}
	t := Task{DependsOn: Setting[[]string]{From: s.from}}
	t.take(s.entry, s.from)
	t.Reads = besideOwn(pkg.Dir, t.Inputs.Value)
	if s.service {
		t.Persistent = Setting[bool]{true, s.from}
	}
	w.walk(own, func(need script) (deeper bool) {
		fresh := w.fresh(need)
		switch {
		case fresh && need.pkg != pkg:
			t.DependsOn.Value = append(t.DependsOn.Value, need.id())
		case !fresh:
			t.Reruns = append(t.Reruns, need.id())
		}
		return !fresh || need.pkg == pkg
	})
	return t, true
}

// walk visits what a script needs, directly or not, each once. It goes on below a script if
// visit returns true. Services are not visited: wireit starts and stops them.
func (w *wireit) walk(from script, visit func(script) (deeper bool)) {
	seen := map[script]bool{from: true}
	for next := []script{from}; len(next) > 0; next = next[1:] {
		s := w.scripts[next[0]]
		if s == nil {
			continue
		}
		for _, need := range s.needs {
			if other := w.scripts[need]; seen[need] || other != nil && other.service {
				continue
			}
			seen[need] = true
			if visit(need) {
				next = append(next, need)
			}
		}
	}
}

// fresh reports whether wireit can tell that a script need not run again: it and all that it
// needs say what they read.
func (w *wireit) fresh(s script) bool {
	own := w.scripts[s]
	fresh := own != nil && own.tracked
	if fresh {
		w.walk(s, func(need script) bool {
			other := w.scripts[need]
			fresh = fresh && other != nil && other.tracked
			return fresh
		})
	}
	return fresh
}

func (w *wireit) names() (names []string) {
	for s := range w.scripts {
		names = append(names, s.name)
	}
	return names
}

func (w *wireit) summary() string {
	var again []string
	for s := range w.scripts {
		w.walk(s, func(need script) bool {
			if id := need.id(); need.pkg != s.pkg && !w.fresh(need) && !slices.Contains(again, id) {
				again = append(again, id)
			}
			return need.pkg == s.pkg
		})
	}
	slices.Sort(again)
	file := "wireit in one package.json"
	if w.packages > 1 {
		file = fmt.Sprintf("wireit in package.json of %d packages", w.packages)
	}
	return summaryOf(file, 0, part{"run with each script that needs them, because wireit is not told all their files", again}, part{"no script of this workspace", w.unknown})
}
