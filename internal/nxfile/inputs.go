package nxfile

import (
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
)

// InProject and InWorkspace begin globs: of the project's folder, and of the workspace's.
const (
	InProject   = "{projectRoot}/"
	InWorkspace = "{workspaceRoot}/"
)

// Inputs are what the inputs of a target mean for its own project. Those of the projects that it
// depends on, and what is installed, are left out: heapmage sees to these itself.
type Inputs struct {
	// Globs begin with InProject or InWorkspace, some after a "!" that takes files away.
	Globs []string
	// Env are the variables that count.
	Env []string
	// Unknown are entries that are not understood.
	Unknown []string
}

// Inputs returns what a list of inputs means for a target of a project.
func (r *Root) Inputs(p *Project, list []string) (in Inputs) {
	named := func(name string) ([]string, bool) {
		if list, ok := p.Named[name]; ok {
			return list, true
		}
		list, ok := r.Named[name]
		if !ok && name == "default" { // it needs no definition
			return []string{InProject + "**/*"}, true
		}
		return list, ok
	}
	for _, entry := range list {
		in.add(entry, named, nil)
	}
	return in
}

// add adds an entry. open are the named inputs in which it stands.
func (in *Inputs) add(entry string, named func(string) ([]string, bool), open []string) {
	glob := strings.TrimPrefix(entry, "!")
	list, isName := named(entry)
	switch {
	case strings.HasPrefix(glob, InProject) || strings.HasPrefix(glob, InWorkspace):
		if strings.Contains(glob, "{projectName}") {
			in.Unknown = append(in.Unknown, entry)
			return
		}
		in.Globs = append(in.Globs, entry)
	case strings.HasPrefix(entry, "^"): // of dependencies
	case isName && !slices.Contains(open, entry):
		for _, inner := range list {
			in.add(inner, named, append(slices.Clip(open), entry))
		}
	case strings.HasPrefix(entry, "{"):
		in.addObject(entry, named, open)
	default:
		in.Unknown = append(in.Unknown, entry)
	}
}

// addObject adds an entry that is an object.
func (in *Inputs) addObject(entry string, named func(string) ([]string, bool), open []string) {
	d, err := jsonc.Parse("nx.json", []byte(entry))
	if err != nil || !jsonc.IsObject(d.Top) {
		in.Unknown = append(in.Unknown, entry)
		return
	}
	text := func(name string) string {
		v, _ := jsonc.Member(d.Top, name)
		text, _ := jsonc.Text(v)
		return text
	}
	has := func(name string) bool { _, ok := jsonc.Member(d.Top, name); return ok }
	projects := text("projects")
	switch {
	case has("externalDependencies"), has("dependentTasksOutputFiles"): // what is installed, and of dependencies
	case isTrue(d, "dependencies"), projects == "dependencies": // of dependencies
	case has("projects") && projects != "self":
		in.Unknown = append(in.Unknown, entry)
	case text("env") != "":
		in.Env = append(in.Env, text("env"))
	case text("fileset") != "":
		in.add(text("fileset"), named, open)
	case text("json") != "": // a file of which some fields count; here all do
		in.add(text("json"), named, open)
	case text("input") != "":
		in.add(text("input"), named, open)
	default:
		in.Unknown = append(in.Unknown, entry)
	}
}

// isTrue reports whether an object has true under a name.
func isTrue(d *jsonc.Document, name string) bool {
	v, _ := jsonc.Member(d.Top, name)
	l, ok := v.Value.(hujson.Literal)
	return ok && l.Kind() == 't'
}

// readNamed reads namedInputs. What is no list names nothing.
func readNamed(d *jsonc.Document, v hujson.Value) (map[string][]string, error) {
	fields, err := d.Object(v, "namedInputs")
	named := map[string][]string{}
	for _, f := range fields {
		named[f.Name] = readInputs(f.Value)
	}
	return named, err
}
