//go:build linux

package chaos

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/bench/shape"
	"github.com/heapmage/heapmage/memtools"
)

func TestDraw(t *testing.T) {
	fast, kinds, shapes := 0, map[Kind]int{}, map[shape.Kind]int{}
	for seed := range uint64(2000) {
		p := draw(seed)
		if again := draw(seed); !reflect.DeepEqual(p, again) {
			t.Fatalf("seed %d gives\n%v, then\n%v", seed, p, again)
		}
		if p.rate() > calm {
			fast++
		}
		for _, b := range p.builds {
			earlier := map[string]bool{}
			for _, task := range b.tasks {
				shapes[task.shape.Kind]++
				if peak := task.shape.Peak(); !task.huge && peak > room(p.limit)+memtools.MB {
					t.Errorf("seed %d: %s takes %v of %v", seed, task.name, peak, room(p.limit))
				}
				if !all(task.after, earlier) {
					t.Errorf("seed %d: %s comes after %v", seed, task.name, task.after)
				}
				if parsed, err := shape.Parse(task.shape.Args()); err != nil || parsed != task.shape {
					t.Errorf("seed %d: %v is read as %v: %v", seed, task.shape, parsed, err)
				}
				earlier[task.name] = true
			}
		}
		for i, f := range p.faults {
			kinds[f.kind]++
			for _, other := range p.faults[:i] {
				if excludes(other, f) {
					t.Errorf("seed %d: %s and %s", seed, other.kind, f.kind)
				}
			}
			if (f.kind == Foreign || f.kind == Squeeze) && (f.size < memtools.MB || f.size > p.limit-reserve) {
				t.Errorf("seed %d: %s takes %v of %v", seed, f.kind, f.size, p.limit)
			}
		}
	}
	if fast < 200 || fast > 1000 {
		t.Errorf("%d of 2000 plans are fast", fast)
	}
	for _, k := range allKinds {
		if k != Neighbour && kinds[k] < 50 {
			t.Errorf("%s occurs %d times", k, kinds[k])
		}
	}
	for _, k := range shape.Kinds {
		if shapes[k] < 500 {
			t.Errorf("the shape %s occurs %d times", k, shapes[k])
		}
	}
}

func TestWithout(t *testing.T) {
	for seed := range uint64(200) {
		whole := draw(seed)
		p := whole.without([]Kind{Stop, Neighbour})
		if len(p.builds) != 1 || !reflect.DeepEqual(p.builds[0], whole.builds[0]) {
			t.Fatalf("seed %d: the first build has changed, or there are %d", seed, len(p.builds))
		}
		if p.has(0, Stop) || slices.ContainsFunc(p.faults, func(f fault) bool { return f.build > 0 }) {
			t.Errorf("seed %d: %v", seed, p.faults)
		}
	}
}

func TestExpect(t *testing.T) {
	tasks := func(tasks ...task) plan { return plan{builds: []build{{tasks: tasks}}} }
	a, b := task{name: "a"}, task{name: "b", after: []string{"a"}}
	fails, huge := task{name: "a", exit: 7}, task{name: "a", huge: true}
	kill := func(p plan) plan { p.faults = []fault{{kind: KillTask, task: "a"}}; return p }
	for _, tt := range []struct {
		claim string
		plan  plan
		code  int
		built string
		want  string // in what is wrong; empty if nothing is
	}{
		{"all are built", tasks(a, b), 0, "a b", ""},
		{"one is missing", tasks(a, b), 0, "a", "not built: b"},
		{"the exit code is wrong", tasks(a, b), 1, "a b", "exit code 1"},
		{"a failure takes its dependents along", tasks(fails, b), 1, "", ""},
		{"the dependent of a failure was built", tasks(fails, b), 1, "b", "although it cannot be: b"},
		{"what does not fit is a failure of memory", tasks(huge, b, task{name: "c"}), 4, "c", ""},
		{"its neighbour is missing", tasks(huge, task{name: "c"}), 4, "", "not built: c"},
		{"a killed task may fail", kill(tasks(a, b, task{name: "c"})), 1, "c", ""},
		{"or be tried again", kill(tasks(a, b)), 0, "a b", ""},
		{"but success means that all is built", kill(tasks(a, b)), 0, "", "everything is built: false"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			built := map[string]bool{}
			for name := range strings.FieldsSeq(tt.built) {
				built[name] = true
			}
			got := strings.Join(tt.plan.expect(0).check(tt.code, built), "; ")
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestSafe(t *testing.T) {
	grows := func(rate memtools.Bytes) task {
		return task{name: "a", shape: shape.Shape{Kind: shape.Grow, Rate: rate}}
	}
	of := func(t task, known bool, faults ...fault) plan {
		return plan{known: known, faults: faults, builds: []build{{target: "build", concurrency: 2, tasks: []task{t, t, t}}}}
	}
	huge := grows(1)
	huge.huge = true
	for _, tt := range []struct {
		claim string
		plan  plan
		want  bool
	}{
		{"two slow ones at a time", of(grows(50), false), true},
		{"two that are too fast together", of(grows(51), false), false},
		{"needs are known", of(grows(51), true), true},
		{"one does not fit", of(huge, true), false},
		{"heapmage is stopped", of(grows(1), false, fault{kind: Stop}), false},
		{"heapmage is stopped, and needs are known", of(grows(51), true, fault{kind: Stop}), true},
	} {
		if got := tt.plan.safe(100); got != tt.want {
			t.Errorf("%s: %v", tt.claim, got)
		}
	}
}
