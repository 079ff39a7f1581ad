package declared

import (
	"cmp"
	"strconv"
	"strings"
)

// Line tells what a file declares of a task.
type Line struct {
	Key, Value, From string
}

// Explain returns what is declared of all tasks: what a cache needs to know. observed tells
// whether what tasks read is seen.
func (m *Model) Explain(observed bool) (lines []Line) {
	for _, s := range m.sources {
		for _, l := range s.global() {
			lines = append(lines, line(l.Key, l.Value, l.From, true, observed))
		}
	}
	return lines
}

// Explain returns what is declared of a task, each with the file that declares it. What
// matters to a cache of results only is marked, and what is not used as tasks are observed.
func (t Task) Explain(observed bool) (lines []Line) {
	for _, l := range []struct {
		key  string
		list Setting[[]string]
		kept bool
	}{
		{"dependsOn", t.DependsOn, false}, {"with", t.With, false}, {"outputs", t.Outputs, false},
		{"inputs", t.Inputs, true}, {"env", t.Env, true}, {"passThroughEnv", t.PassThroughEnv, true},
	} {
		if l.list.Set() {
			lines = append(lines, line(l.key, cmp.Or(strings.Join(l.list.Value, ", "), "nothing"), l.list.From, l.kept, observed))
		}
	}
	for _, f := range []struct {
		key  string
		flag Setting[bool]
		kept bool
	}{{"persistent", t.Persistent, false}, {"cache", t.Cache, true}, {"incremental", t.Incremental, true}} {
		if f.flag.Set() {
			lines = append(lines, line(f.key, strconv.FormatBool(f.flag.Value), f.flag.From, f.kept, observed))
		}
	}
	return lines
}

func line(key, value, from string, kept, observed bool) Line {
	switch {
	case observed && (key == "inputs" || key == globalDependencies):
		from += " (not used: what is read is seen)"
	case kept:
		from += " (for cache: on)"
	}
	return Line{key, value, from}
}
