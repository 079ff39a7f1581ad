package sharding

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/shard"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// task is one of a package, wanted itself.
func task(pkg *workspace.Package, target string, after ...*taskgraph.Task) *taskgraph.Task {
	return &taskgraph.Task{ID: pkg.Name + "#" + target, Package: pkg, Target: target, Script: target, Wanted: true, After: after}
}

func TestDivide(t *testing.T) {
	core, web := &workspace.Package{Name: "core"}, &workspace.Package{Name: "web"}
	build := task(core, "build")
	test := task(core, "test")
	test.Implied = []taskgraph.Implied{{Task: build}} // reads what its own package's build leaves
	other := task(web, "test")
	other.Implied = []taskgraph.Implied{{Task: test}} // must not run beside it
	graph := &taskgraph.Graph{Tasks: []*taskgraph.Task{build, test, other}}
	r := shard.Request{Runners: 3, Runner: shard.Runner{Memory: 16 * memtools.GB, Budget: 15 * memtools.GB, CPUs: 1}}
	known := map[string]estimate.Prediction{
		"core#build": {Need: memtools.GB, Peak: memtools.GB, Length: time.Minute, Cores: 1, Basis: estimate.FromHistory},
		"core#test":  {Need: memtools.GB, Peak: memtools.GB, Length: time.Minute, Cores: 1, Basis: estimate.FromHistory},
		"web#test":   {Need: memtools.GB, Basis: estimate.FromNothing},
	}
	p, notices, err := Divide(r, graph, func(t *taskgraph.Task) estimate.Prediction { return known[t.ID] }, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, s := range p.Shards {
		parts = append(parts, strings.Join(s.Tasks, " ")+"+"+strings.Join(s.Also, " "))
	}
	if !slices.Equal(parts, []string{"core#build core#test+", "web#test+"}) {
		t.Errorf("%q: a task needs what it is implied to read, and no task of another package that it only must not run beside", parts)
	}
	if len(notices) < 4 || !strings.HasPrefix(notices[0].Text, "No run is known of 1 task, so time and memory are guessed: web#test; 1m0s where") || !strings.HasPrefix(notices[1].Text, "2 shards: 3 tasks to run") {
		t.Errorf("%+v", notices)
	}
	if c := p.Tasks[2]; c.Task != "web#test" || !c.Wanted || c.Basis != "no history" || c.Length != time.Minute {
		t.Errorf("%+v", c)
	}
}

func TestNoPart(t *testing.T) {
	if part, notices, err := Part(t.Context(), nil, plan.Request{Target: "build"}); part != nil || notices != nil || err != nil {
		t.Errorf("%v, %v, %v", part, notices, err)
	}
}
