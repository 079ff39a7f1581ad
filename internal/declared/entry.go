package declared

import (
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
)

// entry is what one file says of a task. A nil field is not there.
type entry struct {
	dependsOn, with, outputs, inputs, env, passThroughEnv []string
	persistent, cache                                     *bool
}

// take lays what one more file says over the task.
func (t *Task) take(e entry, from string) {
	for _, l := range []struct {
		to   *Setting[[]string]
		list []string
	}{
		{&t.DependsOn, e.dependsOn}, {&t.With, e.with}, {&t.Outputs, e.outputs}, {&t.Inputs, e.inputs},
		{&t.Env, e.env}, {&t.PassThroughEnv, e.passThroughEnv},
	} {
		if l.list != nil {
			*l.to = extended(*l.to, l.list, from)
		}
	}
	if e.persistent != nil {
		t.Persistent = Setting[bool]{*e.persistent, from}
	}
	if e.cache != nil {
		t.Cache = Setting[bool]{*e.cache, from}
	}
}

// extends stands in a package's list for the list that it would replace.
const extends = "$TURBO_EXTENDS$"

// extended returns a list of a package, in which extends is replaced.
func extended(above Setting[[]string], list []string, from string) Setting[[]string] {
	if !slices.Contains(list, extends) {
		return Setting[[]string]{list, from}
	}
	if above.From != "" && above.From != from {
		from = above.From + ", " + from
	}
	all := slices.Clone(above.Value)
	for _, name := range list {
		if name != extends && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return Setting[[]string]{all, from}
}

// concurrencyOf returns a number of tasks, or a share of the processors.
func concurrencyOf(d *jsonc.Document, f jsonc.Field) (Setting[int], error) {
	text, ok := jsonc.Text(f.Value)
	if l, number := f.Value.Value.(hujson.Literal); !ok && number {
		text = string(l)
	}
	share, percent := strings.CutSuffix(text, "%")
	n, err := strconv.ParseFloat(share, 64)
	if err != nil || !(n > 0 && n <= 1_000_000) {
		return Setting[int]{}, d.Wrong(f.Value, f.Name+" is neither a number of tasks nor a share of the processors", `write it as "4" or "50%"`)
	}
	if percent {
		n *= float64(runtime.NumCPU()) / 100
	}
	return Setting[int]{max(1, int(n)), d.Path}, nil
}
