package declared

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/workspace"
)

// notOrder are keys of nx.json that do not concern what a target runs, or that a cache
// needs.
var notOrder = []string{
	"$schema", "affected", "analytics", "cacheDirectory", "cli", "conformance", "defaultBase", "defaultProject", "generators", "installation",
	"maxCacheSize", "namedInputs", "neverConnectToCloud", "npmScope", "nxCloudAccessToken", "nxCloudEncryptionKey", "nxCloudId", "nxCloudUrl",
	"owners", "pluginsConfig", "polygraph", "release", "sync", "tasksRunnerOptions", "tui", "useDaemonProcess", "useLegacyCache", "workspaceLayout",
}

// readRoot reads nx.json.
func (n *nx) readRoot(d *document) error {
	fields, err := d.object(d.top, "the file")
	if err != nil {
		return err
	}
	for _, f := range fields {
		switch {
		case isNull(f.value) || slices.Contains(notOrder, f.name):
		case f.name == "targetDefaults" && isObject(f.value):
			n.defaults, err = d.nxTargets(f.value, f.name)
		case f.name == "parallel":
			n.atOnce, err = d.concurrency(f)
		case f.name == "plugins":
			n.other = append(n.other, "plugins (the targets that they infer are not seen)")
		default:
			n.other = append(n.other, f.name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readProject reads what a package has: project.json wins over package.json.
func (n *nx) readProject(root string, pkg *workspace.Package) error {
	n.called[pkg.DeclaredName] = pkg
	p := &nxProject{targets: map[string][]nxTarget{}}
	n.projects[pkg.Dir] = p
	if bytes.Contains(pkg.Manifest, []byte(`"nx"`)) { // few have it
		d, err := parseDocument(path.Join(pkg.Dir, "package.json"), pkg.Manifest)
		if err != nil {
			return err
		}
		if found, ok := member(d.top, "nx"); ok && isObject(found) {
			if err := n.readProjectFile(d, found, pkg, p); err != nil {
				return err
			}
		}
	}
	d, err := readDocument(root, path.Join(pkg.Dir, "project.json"))
	if d == nil || err != nil {
		return err
	}
	return n.readProjectFile(d, d.top, pkg, p)
}

func (n *nx) readProjectFile(d *document, top hujson.Value, pkg *workspace.Package, p *nxProject) error {
	fields, err := d.object(top, "the file")
	if err != nil {
		return err
	}
	for _, f := range fields {
		switch f.name {
		case "name":
			if name, ok := textOf(f.value); ok {
				n.called[name] = pkg
			}
		case "implicitDependencies":
			p.implicit, err = d.texts(f.value, f.name)
		case "targets":
			err = n.readTargets(d, f.value, pkg, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *nx) readTargets(d *document, v hujson.Value, pkg *workspace.Package, p *nxProject) error {
	targets, err := d.nxTargets(v, "targets")
	for name, t := range targets {
		if t.executor != "" && t.executor != "nx:run-script" {
			n.foreign = append(n.foreign, pkg.Name+"#"+name+" ("+t.executor+")")
		}
		p.targets[name] = append(p.targets[name], t)
	}
	return err
}

func (d *document) nxTargets(v hujson.Value, where string) (map[string]nxTarget, error) {
	fields, err := d.object(v, where)
	if err != nil {
		return nil, err
	}
	targets := map[string]nxTarget{}
	for _, f := range fields {
		if targets[f.name], err = d.nxTarget(f.value, where+"."+f.name); err != nil {
			return nil, err
		}
	}
	return targets, nil
}

func (d *document) nxTarget(v hujson.Value, where string) (t nxTarget, err error) {
	fields, err := d.object(v, where)
	t.from = d.path
	for _, f := range fields {
		switch {
		case isNull(f.value):
		case f.name == "dependsOn":
			t.dependsOn, err = d.nxOrder(f.value, where+".dependsOn")
		case f.name == "outputs":
			t.outputs, err = d.nxOutputs(f.value, where+".outputs")
		case f.name == "inputs":
			t.inputs = d.nxInputs(f.value)
		case f.name == "cache":
			var b bool
			b, err = d.boolean(f.value, where+".cache")
			t.cache = &b
		case f.name == "executor":
			t.executor, _ = textOf(f.value)
		case f.name == "command":
			t.executor = "nx:run-commands"
		}
		if err != nil {
			return t, err
		}
	}
	return t, err
}

// nxOrder reads dependsOn: names, or objects that say the same in more words.
func (d *document) nxOrder(v hujson.Value, where string) ([]string, error) {
	list, ok := v.Value.(*hujson.Array)
	if !ok {
		return nil, d.wrong(v, where+" is not a list", `write it as ["^build"]`)
	}
	order := []string{}
	for _, e := range list.Elements {
		if name, ok := textOf(e); ok {
			if name == "..." {
				name = extends
			}
			order = append(order, name)
			continue
		}
		if !isObject(e) {
			return nil, d.wrong(e, where+" holds something that is neither a text nor an object", `write it as ["^build"]`)
		}
		order = append(order, nxEntries(e)...)
	}
	return order, nil
}

// nxEntries are what {"target": "build", "dependencies": true} or
// {"target": "build", "projects": ["lib"]} mean.
func nxEntries(v hujson.Value) (entries []string) {
	target := ""
	if t, ok := member(v, "target"); ok {
		target, _ = textOf(t)
	}
	if dependencies, ok := member(v, "dependencies"); ok {
		if l, ok := dependencies.Value.(hujson.Literal); ok && l.Kind() == 't' {
			return []string{"^" + target}
		}
	}
	projects, ok := member(v, "projects")
	if !ok {
		return []string{target}
	}
	names := []string{}
	if name, ok := textOf(projects); ok {
		names = append(names, name)
	} else if list, ok := projects.Value.(*hujson.Array); ok {
		for _, e := range list.Elements {
			name, _ := textOf(e)
			names = append(names, name)
		}
	}
	for _, name := range names {
		switch name {
		case "self":
			entries = append(entries, target)
		case "dependencies":
			entries = append(entries, "^"+target)
		default:
			entries = append(entries, name+":"+target)
		}
	}
	return entries
}

// nxOutputs reads outputs. One below {projectRoot} is made relative to it, and a folder
// means all in it; others stay as they are, and match no file of the package.
func (d *document) nxOutputs(v hujson.Value, where string) (all []string, err error) {
	outputs, err := d.texts(v, where)
	all = []string{}
	for _, o := range outputs {
		inside, ok := strings.CutPrefix(o, "{projectRoot}/")
		all = append(all, inside)
		if ok && !strings.ContainsAny(inside, "*?[{") {
			all = append(all, inside+"/**")
		}
	}
	return all, err
}

// nxInputs reads inputs as they are: they are kept only.
func (d *document) nxInputs(v hujson.Value) []string {
	list, _ := v.Value.(*hujson.Array)
	inputs := []string{}
	for i := 0; list != nil && i < len(list.Elements); i++ {
		e := list.Elements[i]
		text, ok := textOf(e)
		if !ok {
			text = strings.TrimSpace(string(d.text[e.StartOffset:e.EndOffset]))
		}
		inputs = append(inputs, text)
	}
	return inputs
}

func isObject(v hujson.Value) bool {
	return v.Value.Kind() == '{'
}

// member returns a member of an object.
func member(v hujson.Value, name string) (hujson.Value, bool) {
	if o, ok := v.Value.(*hujson.Object); ok {
		for _, m := range o.Members {
			if l, ok := m.Name.Value.(hujson.Literal); ok && l.String() == name {
				return m.Value, true
			}
		}
	}
	return hujson.Value{}, false
}
