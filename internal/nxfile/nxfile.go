// Package nxfile reads what the files of Nx say of targets, as https://nx.dev/reference describes
// them, and merges it as Nx does. What plugins infer from other files is not seen. Every error is
// a *problem.Error.
package nxfile

import (
	"bytes"
	"maps"
	"path"
	"slices"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
	"github.com/heapmage/heapmage/internal/nxcommand"
	"github.com/heapmage/heapmage/internal/workspace"
)

// The executors that need nothing of Nx.
const (
	RunScript   = "nx:run-script"
	RunCommands = "nx:run-commands"
)

// Spread stands in a list for the list that it would replace.
const Spread = "..."

// Target is what one file says of a target. A nil field is not there.
type Target struct {
	From string // the file
	// DependsOn has "build", "^build" and "project:build".
	DependsOn []string
	// Outputs are relative to the project's folder if they are below it. Inputs are as they
	// stand there: see Root.Inputs.
	Outputs, Inputs   []string
	Cache, Continuous *bool
	Executor          string
	Options           nxcommand.Options

	configurations map[string]nxcommand.Options
	configuration  string // the default one
	sugar          bool   // it has "command" and no executor
	inProject      bool   // it stands in project.json
}

// Project is what one package has.
type Project struct {
	// Name is what Nx calls it; empty if no file says so.
	Name string
	// Targets are those of package.json, then those of project.json.
	Targets  map[string][]Target
	Implicit []string
	Included []string // the scripts that are targets too; nil means all
	// Named are the inputs that have a name; they go before those of the root.
	Named map[string][]string
}

// Root is nx.json.
type Root struct {
	*jsonc.Document
	// Defaults are by target, by executor, or by a pattern of targets.
	Defaults map[string]Target
	// Named are the inputs that have a name.
	Named map[string][]string
	// Parallel is how many tasks may run at once; nil if it is not given.
	Parallel *jsonc.Field
	// Other are the keys that do not only concern other commands, and that are not read.
	Other []string
}

// notOrder are keys of nx.json that do not concern what a target runs, or that a cache
// needs.
var notOrder = []string{
	"$schema", "affected", "analytics", "cacheDirectory", "cli", "conformance", "defaultBase", "defaultProject", "generators", "installation",
	"maxCacheSize", "neverConnectToCloud", "npmScope", "nxCloudAccessToken", "nxCloudEncryptionKey", "nxCloudId", "nxCloudUrl",
	"owners", "pluginsConfig", "polygraph", "release", "sync", "tasksRunnerOptions", "tui", "useDaemonProcess", "useLegacyCache", "workspaceLayout",
}

// ReadRoot reads nx.json. It returns nil if there is none.
func ReadRoot(root string) (*Root, error) {
	d, err := jsonc.Read(root, "nx.json")
	if d == nil || err != nil {
		return nil, err
	}
	r := &Root{Document: d, Defaults: map[string]Target{}}
	fields, err := d.Object(d.Top, "the file")
	if err != nil {
		return nil, err
	}
	for _, f := range fields {
		switch {
		case jsonc.IsNull(f.Value) || slices.Contains(notOrder, f.Name):
		case f.Name == "targetDefaults" && jsonc.IsObject(f.Value):
			err = r.readDefaults(f.Value)
		case f.Name == "namedInputs" && jsonc.IsObject(f.Value):
			r.Named, err = readNamed(r.Document, f.Value)
		case f.Name == "parallel":
			r.Parallel = &f
		case f.Name == "useInferencePlugins" && f.Value.Value.Kind() == 'f': // as heapmage does
		case f.Name == "plugins":
			r.Other = append(r.Other, "plugins (the targets that they infer are not seen)")
		default:
			r.Other = append(r.Other, f.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

// readDefaults reads targetDefaults. An entry that is a list has filters, as Nx 24 has them.
func (r *Root) readDefaults(v hujson.Value) error {
	fields, err := r.Object(v, "targetDefaults")
	if err != nil {
		return err
	}
	for _, f := range fields {
		if _, list := f.Value.Value.(*hujson.Array); list {
			r.Other = append(r.Other, "targetDefaults."+f.Name+" (a list)")
			continue
		}
		if r.Defaults[f.Name], err = readTarget(r.Document, f.Value, "targetDefaults."+f.Name); err != nil {
			return err
		}
	}
	return nil
}

// ReadProject reads what a package has: project.json wins over package.json. It returns nil
// if neither says anything.
func ReadProject(root string, pkg *workspace.Package) (*Project, error) {
	var p *Project
	if bytes.Contains(pkg.Manifest, []byte(`"nx"`)) { // few have it
		d, err := jsonc.Parse(path.Join(pkg.Dir, "package.json"), pkg.Manifest)
		if err != nil {
			return nil, err
		}
		if found, ok := jsonc.Member(d.Top, "nx"); ok && jsonc.IsObject(found) {
			p = newProject()
			if err := p.read(d, found); err != nil {
				return nil, err
			}
		}
	}
	d, err := jsonc.Read(root, path.Join(pkg.Dir, "project.json"))
	if d == nil || err != nil {
		return p, err
	}
	if p == nil {
		p = newProject()
	}
	return p, p.read(d, d.Top)
}

func newProject() *Project {
	return &Project{Targets: map[string][]Target{}, Named: map[string][]string{}}
}

func (p *Project) read(d *jsonc.Document, top hujson.Value) error {
	fields, err := d.Object(top, "the file")
	if err != nil {
		return err
	}
	for _, f := range fields {
		switch f.Name {
		case "name":
			if name, ok := jsonc.Text(f.Value); ok {
				p.Name = name
			}
		case "implicitDependencies":
			p.Implicit, err = d.Texts(f.Value, f.Name)
		case "includedScripts":
			p.Included, err = d.Texts(f.Value, f.Name)
		case "targets":
			err = p.readTargets(d, f.Value)
		case "namedInputs":
			if jsonc.IsObject(f.Value) {
				var named map[string][]string
				named, err = readNamed(d, f.Value)
				maps.Copy(p.Named, named)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Project) readTargets(d *jsonc.Document, v hujson.Value) error {
	fields, err := d.Object(v, "targets")
	if err != nil {
		return err
	}
	for _, f := range fields {
		t, err := readTarget(d, f.Value, "targets."+f.Name)
		if err != nil {
			return err
		}
		p.Targets[f.Name] = append(p.Targets[f.Name], t)
	}
	return nil
}

func readTarget(d *jsonc.Document, v hujson.Value, where string) (t Target, err error) {
	fields, err := d.Object(v, where)
	t.From, t.inProject = d.Path, path.Base(d.Path) == "project.json"
	t.Options, t.configurations = nxcommand.ReadOptions(v)
	for _, f := range fields {
		switch {
		case jsonc.IsNull(f.Value):
		case f.Name == "dependsOn":
			t.DependsOn, err = readOrder(d, f.Value, where+".dependsOn")
		case f.Name == "outputs":
			t.Outputs, err = readOutputs(d, f.Value, where+".outputs")
		case f.Name == "inputs":
			t.Inputs = readInputs(f.Value)
		case f.Name == "cache":
			var b bool
			b, err = d.Boolean(f.Value, where+".cache")
			t.Cache = &b
		case f.Name == "continuous":
			var b bool
			b, err = d.Boolean(f.Value, where+".continuous")
			t.Continuous = &b
		case f.Name == "defaultConfiguration":
			t.configuration, _ = jsonc.Text(f.Value)
		case f.Name == "executor":
			t.Executor, _ = jsonc.Text(f.Value)
		case f.Name == "command":
			t.Executor, t.sugar = RunCommands, true
		}
		if err != nil {
			return t, err
		}
	}
	return t, err
}
