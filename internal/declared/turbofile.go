package declared

import (
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// turboFile is one turbo.json.
type turboFile struct {
	*document
	extends []string
	tasks   map[string]turboTask
	atOnce  Setting[int]
	global  []Line   // what a cache needs to know of all tasks
	other   []string // keys that are not obeyed, in order
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
func parseTurbo(d *document) (*turboFile, error) {
	f := &turboFile{document: d, tasks: map[string]turboTask{}}
	fields, err := d.object(d.top, "the file")
	if err != nil {
		return nil, err
	}
	for _, field := range fields {
		switch {
		case isNull(field.value) || slices.Contains(keptOfFile, field.name):
		case strings.HasPrefix(field.name, "global"):
			err = f.readGlobal(field)
		case field.name == "extends":
			f.extends, err = d.texts(field.value, field.name)
		case field.name == "tasks", field.name == "pipeline":
			err = f.readTasks(field)
		case field.name == "concurrency":
			f.atOnce, err = d.concurrency(field)
		default:
			f.passOver(field.name)
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// readGlobal keeps globalEnv and its like.
func (f *turboFile) readGlobal(field field) error {
	list, err := f.texts(field.value, field.name)
	if err != nil {
		return err
	}
	f.global = append(f.global, line(field.name, strings.Join(list, ", "), f.path, true))
	return nil
}

func (f *turboFile) passOver(key string) {
	if !slices.Contains(f.other, key) {
		f.other = append(f.other, key)
	}
}

func (f *turboFile) readTasks(tasks field) error {
	entries, err := f.object(tasks.value, tasks.name)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if f.tasks[entry.name], err = f.readTask(tasks.name+"."+entry.name, entry.value); err != nil {
			return err
		}
	}
	return nil
}

func (f *turboFile) readTask(where string, v hujson.Value) (t turboTask, err error) {
	fields, err := f.object(v, where)
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
		if isNull(field.value) || slices.Contains(keptOfTask, field.name) {
			continue
		}
		if field.name == "extends" {
			inherits, err := f.boolean(field.value, where+".extends")
			if err != nil {
				return t, err
			}
			t.alone = !inherits
			continue
		}
		t.empty = false
		if to := lists[field.name]; to != nil {
			*to, err = f.texts(field.value, where+"."+field.name)
		} else if to := flags[field.name]; to != nil {
			var b bool
			b, err = f.boolean(field.value, where+"."+field.name)
			*to = &b
		} else {
			f.passOver(field.name)
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
