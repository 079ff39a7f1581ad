package declared

import (
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
)

// turboFile is one turbo.json.
type turboFile struct {
	*jsonc.Document
	extends []string
	tasks   map[string]turboTask
	atOnce  Setting[int]
	global  []Line   // what a cache needs to know of all tasks
	other   []string // keys that are not obeyed, in order

	// envAll and throughAll are globalEnv and globalPassThroughEnv.
	envAll, throughAll []string
	filesAll           []string // globalDependencies
	envMode            string   // "strict" or "loose"; empty if it is not given
	version1           bool     // it has a "pipeline"
}

// turboTask is what one file says of a task.
type turboTask struct {
	entry
	alone bool // "extends" is false
	empty bool // it has no other key
}

// kept are the keys that tell something to people and editors only.
var (
	keptOfFile = []string{"$schema", "tags", "boundaries"}
	keptOfTask = []string{"description"}
)

// task returns the entry for a package's task: "web#build" stands instead of "build".
func (f *turboFile) task(keys []string, name string) (turboTask, bool) {
	for _, key := range keys {
		if raw, ok := f.tasks[key+"#"+name]; ok {
			return raw, true
		}
	}
	raw, ok := f.tasks[name]
	return raw, ok
}

// parseTurbo reads a file: "tasks", or "pipeline" before version 2.
func parseTurbo(d *jsonc.Document) (*turboFile, error) {
	f := &turboFile{Document: d, tasks: map[string]turboTask{}}
	fields, err := d.Object(d.Top, "the file")
	if err != nil {
		return nil, err
	}
	for _, field := range fields {
		if !jsonc.IsNull(field.Value) {
			if err := f.readEnvironment(field); err != nil {
				return nil, err
			}
		}
		switch {
		case jsonc.IsNull(field.Value) || slices.Contains(keptOfFile, field.Name):
		case strings.HasPrefix(field.Name, "global"):
			err = f.readGlobal(field)
		case field.Name == "extends":
			f.extends, err = d.Texts(field.Value, field.Name)
		case field.Name == "tasks", field.Name == "pipeline":
			err = f.readTasks(field)
		case field.Name == "concurrency":
			f.atOnce, err = concurrencyOf(d, field)
		case field.Name == "envMode" && (f.envMode == "strict" || f.envMode == "loose"): // see turbo.summary
		default:
			f.passOver(field.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

const globalDependencies = "globalDependencies"

// readGlobal keeps globalEnv and its like.
func (f *turboFile) readGlobal(field jsonc.Field) error {
	list, err := f.Texts(field.Value, field.Name)
	if err != nil {
		return err
	}
	if field.Name == globalDependencies {
		f.filesAll = list
	}
	f.global = append(f.global, Line{field.Name, strings.Join(list, ", "), f.Path})
	return nil
}

func (f *turboFile) passOver(key string) {
	if !slices.Contains(f.other, key) {
		f.other = append(f.other, key)
	}
}

func (f *turboFile) readTasks(tasks jsonc.Field) error {
	entries, err := f.Object(tasks.Value, tasks.Name)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if f.tasks[entry.Name], err = f.readTask(tasks.Name+"."+entry.Name, entry.Value); err != nil {
			return err
		}
	}
	return nil
}

func (f *turboFile) readTask(where string, v hujson.Value) (t turboTask, err error) {
	fields, err := f.Object(v, where)
	if err != nil {
		return t, err
	}
	t.empty = true
	lists := map[string]*[]string{
		"dependsOn": &t.dependsOn, "with": &t.with, "outputs": &t.outputs, "inputs": &t.inputs,
		"env": &t.env, "passThroughEnv": &t.passThroughEnv,
	}
	flags := map[string]**bool{"persistent": &t.persistent, "cache": &t.cache}
	for _, field := range fields {
		if jsonc.IsNull(field.Value) || slices.Contains(keptOfTask, field.Name) {
			continue
		}
		if field.Name == "extends" {
			inherits, err := f.Boolean(field.Value, where+".extends")
			if err != nil {
				return t, err
			}
			t.alone = !inherits
			continue
		}
		t.empty = false
		if to := lists[field.Name]; to != nil {
			*to, err = f.Texts(field.Value, where+"."+field.Name)
		} else if to := flags[field.Name]; to != nil {
			var b bool
			b, err = f.Boolean(field.Value, where+"."+field.Name)
			*to = &b
		} else {
			f.passOver(field.Name)
		}
		if err != nil {
			return t, err
		}
	}
	t.splitEnv()
	return t, nil
}

// splitEnv moves the entries "$CI" of dependsOn to env: turbo 1 had variables there.
func (t *turboTask) splitEnv() {
	t.dependsOn = slices.DeleteFunc(t.dependsOn, func(entry string) bool {
		name, variable := strings.CutPrefix(entry, "$")
		if variable = variable && entry != extends; variable {
			t.env = append(t.env, name)
		}
		return variable
	})
}
