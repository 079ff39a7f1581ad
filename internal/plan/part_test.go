package plan

import (
	"errors"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

func TestPart(t *testing.T) {
	const build = `"build": "tsc"`
	in := tree(t, "", map[string]string{"core": build, "web after core": build, "docs": build}, "")
	in.Part = &Part{Where: "2/3", Of: "-plan=p.json", Tasks: map[string]bool{"core#build": false, "web#build": true}, Own: 1, All: 3}
	p, err := New(Request{Target: "build", Extra: text("--x")}, in)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(taskgraph.IDs(p.Graph.Tasks), " "); got != "core#build web#build" {
		t.Errorf("runs %s", got)
	}
	core, web := p.Graph.Tasks[0], p.Graph.Tasks[1]
	if core.Wanted || len(core.Args) > 0 || !web.Wanted || len(web.Args) != 1 {
		t.Errorf("core gets %v, web %v: only what the plan was asked for gets arguments", core.Args, web.Args)
	}
	n := p.Notices[len(p.Notices)-1]
	if n.Kind != event.Sharded || n.Text != "Shard 2/3: 1 of 3 tasks, and 1 that they need" {
		t.Errorf("%+v", n)
	}

	in.Part.Tasks["gone#build"] = true
	_, err = New(Request{Target: "build"}, in)
	known := (*problem.Error)(nil)
	if !errors.As(err, &known) || !strings.Contains(err.Error(), "tasks that this workspace does not have: gone#build") {
		t.Errorf("%v", err)
	}
}
