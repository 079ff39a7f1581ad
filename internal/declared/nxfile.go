package declared

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
	"github.com/heapmage/heapmage/internal/nxcommand"
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
func (n *nx) readRoot(d *jsonc.Document) error {
	fields, err := d.Object(d.Top, "the file")
	if err != nil {
		return err
	}
	for _, f := range fields {
		switch {
		case jsonc.IsNull(f.Value) || slices.Contains(notOrder, f.Name):
		case f.Name == "targetDefaults" && jsonc.IsObject(f.Value):
			err = n.readDefaults(d, f.Value)
		case f.Name == "parallel":
			n.atOnce, err = concurrencyOf(d, f)
		case f.Name == "useInferencePlugins" && f.Value.Value.Kind() == 'f': // as heapmage does
		case f.Name == "plugins":
			n.other = append(n.other, "plugins (the targets that they infer are not seen)")
		default:
			n.other = append(n.other, f.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readDefaults reads targetDefaults. An entry that is a list has filters, as Nx 24 has them.
func (n *nx) readDefaults(d *jsonc.Document, v hujson.Value) error {
	fields, err := d.Object(v, "targetDefaults")
	if err != nil {
		return err
	}
	for _, f := range fields {
		if _, list := f.Value.Value.(*hujson.Array); list {
			n.other = append(n.other, "targetDefaults."+f.Name+" (a list)")
			continue
		}
		if n.defaults[f.Name], err = readNxTarget(d, f.Value, "targetDefaults."+f.Name); err != nil {
			return err
		}
	}
	return nil
}

// readProject reads what a package has: project.json wins over package.json.
func (n *nx) readProject(root string, pkg *workspace.Package) error {
	p := &nxProject{targets: map[string][]nxTarget{}}
	if pkg.Dir == "." {
		n.projects["."] = p
	}
	if bytes.Contains(pkg.Manifest, []byte(`"nx"`)) { // few have it
		d, err := jsonc.Parse(path.Join(pkg.Dir, "package.json"), pkg.Manifest)
		if err != nil {
			return err
		}
		if found, ok := jsonc.Member(d.Top, "nx"); ok && jsonc.IsObject(found) {
			n.projects[pkg.Dir] = p
			if err := n.readProjectFile(d, found, pkg, p); err != nil {
				return err
			}
		}
	}
	d, err := jsonc.Read(root, path.Join(pkg.Dir, "project.json"))
	if d == nil || err != nil {
		return err
	}
	n.projects[pkg.Dir] = p
	return n.readProjectFile(d, d.Top, pkg, p)
}

func (n *nx) readProjectFile(d *jsonc.Document, top hujson.Value, pkg *workspace.Package, p *nxProject) error {
	fields, err := d.Object(top, "the file")
	if err != nil {
		return err
	}
	for _, f := range fields {
		switch f.Name {
		case "name":
			if name, ok := jsonc.Text(f.Value); ok {
				n.renamed[name] = pkg
			}
		case "implicitDependencies":
			p.implicit, err = d.Texts(f.Value, f.Name)
		case "includedScripts":
			p.included, err = d.Texts(f.Value, f.Name)
		case "targets":
			err = p.readTargets(d, f.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *nxProject) readTargets(d *jsonc.Document, v hujson.Value) error {
	targets, err := readNxTargets(d, v, "targets")
	for name, t := range targets {
		p.targets[name] = append(p.targets[name], t)
	}
	return err
}

func readNxTargets(d *jsonc.Document, v hujson.Value, where string) (map[string]nxTarget, error) {
	fields, err := d.Object(v, where)
	if err != nil {
		return nil, err
	}
	targets := map[string]nxTarget{}
	for _, f := range fields {
		if targets[f.Name], err = readNxTarget(d, f.Value, where+"."+f.Name); err != nil {
			return nil, err
		}
	}
	return targets, nil
}

func readNxTarget(d *jsonc.Document, v hujson.Value, where string) (t nxTarget, err error) {
	fields, err := d.Object(v, where)
	t.from, t.inProject = d.Path, path.Base(d.Path) == "project.json"
	t.options, t.configurations = nxcommand.ReadOptions(v)
	for _, f := range fields {
		switch {
		case jsonc.IsNull(f.Value):
		case f.Name == "dependsOn":
			t.dependsOn, err = nxOrder(d, f.Value, where+".dependsOn")
		case f.Name == "outputs":
			t.outputs, err = nxOutputs(d, f.Value, where+".outputs")
		case f.Name == "inputs":
			t.inputs = nxInputs(f.Value)
		case f.Name == "cache":
			var b bool
			b, err = d.Boolean(f.Value, where+".cache")
			t.cache = &b
		case f.Name == "continuous":
			var b bool
			b, err = d.Boolean(f.Value, where+".continuous")
			t.continuous = &b
		case f.Name == "defaultConfiguration":
			t.configuration, _ = jsonc.Text(f.Value)
		case f.Name == "executor":
			t.executor, _ = jsonc.Text(f.Value)
		case f.Name == "command":
			t.executor, t.sugar = runCommands, true
		}
		if err != nil {
			return t, err
		}
	}
	return t, err
}

// nxOrder reads dependsOn: names, or objects that say the same in more words.
func nxOrder(d *jsonc.Document, v hujson.Value, where string) ([]string, error) {
	list, ok := v.Value.(*hujson.Array)
	if !ok {
		return nil, d.Wrong(v, where+" is not a list", `write it as ["^build"]`)
	}
	order := []string{}
	for _, e := range list.Elements {
		if name, ok := jsonc.Text(e); ok {
			if name == "..." {
				name = extends
			}
			order = append(order, name)
			continue
		}
		if !jsonc.IsObject(e) {
			return nil, d.Wrong(e, where+" holds something that is neither a text nor an object", `write it as ["^build"]`)
		}
		order = append(order, nxEntries(e)...)
	}
	return order, nil
}

// nxEntries are what {"target": "build", "dependencies": true} or
// {"target": "build", "projects": ["lib"]} mean.
func nxEntries(v hujson.Value) (entries []string) {
	target := ""
	if t, ok := jsonc.Member(v, "target"); ok {
		target, _ = jsonc.Text(t)
	}
	if dependencies, ok := jsonc.Member(v, "dependencies"); ok {
		if l, ok := dependencies.Value.(hujson.Literal); ok && l.Kind() == 't' {
			return []string{"^" + target}
		}
	}
	projects, ok := jsonc.Member(v, "projects")
	if !ok {
		return []string{target}
	}
	names := []string{}
	if name, ok := jsonc.Text(projects); ok {
		names = append(names, name)
	} else if list, ok := projects.Value.(*hujson.Array); ok {
		for _, e := range list.Elements {
			name, _ := jsonc.Text(e)
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
func nxOutputs(d *jsonc.Document, v hujson.Value, where string) (all []string, err error) {
	outputs, err := d.Texts(v, where)
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
func nxInputs(v hujson.Value) []string {
	list, _ := v.Value.(*hujson.Array)
	inputs := []string{}
	for i := 0; list != nil && i < len(list.Elements); i++ {
		e := list.Elements[i]
		text, ok := jsonc.Text(e)
		if !ok {
			text = strings.TrimSpace(string(e.Pack()))
		}
		inputs = append(inputs, text)
	}
	return inputs
}
