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

// Explain returns what is declared of all tasks: what a cache needs to know.
func (m *Model) Explain() (lines []Line) {
	for _, s := range m.sources {
		lines = append(lines, s.global()...)
	}
	return lines
}

// Explain returns what is declared of a task, each with the file that declares it. What
// is kept for a cache, and changes nothing now, is marked.
func (t Task) Explain() (lines []Line) {
	for _, l := range []struct {
		key  string
		list Setting[[]string]
		kept bool
	}{
		{"dependsOn", t.DependsOn, false}, {"with", t.With, false}, {"outputs", t.Outputs, false},
		{"inputs", t.Inputs, true}, {"env", t.Env, true}, {"passThroughEnv", t.PassThroughEnv, true},
	} {
		if l.list.Set() {
			lines = append(lines, line(l.key, cmp.Or(strings.Join(l.list.Value, ", "), "nothing"), l.list.From, l.kept))
		}
	}
	if t.Persistent.Set() {
		lines = append(lines, line("persistent", strconv.FormatBool(t.Persistent.Value), t.Persistent.From, false))
	}
	if t.Cache.Set() {
		lines = append(lines, line("cache", strconv.FormatBool(t.Cache.Value), t.Cache.From, true))
	}
	if t.Incremental.Set() {
		lines = append(lines, line("incremental", strconv.FormatBool(t.Incremental.Value), t.Incremental.From, true))
	}
	return lines
}

func line(key, value, from string, kept bool) Line {
	switch {
	case key == "inputs" || key == globalDependencies:
		from += " (not used: what is read is seen)"
	case kept:
		from += " (for cache: on)"
	}
	return Line{key, value, from}
}
