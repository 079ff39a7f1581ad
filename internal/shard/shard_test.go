package shard

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

const (
	mb = memtools.MB
	gb = memtools.GB
)

// four is a runner of four processors.
var four = Runner{Label: "small", Memory: 16 * gb, Budget: 15 * gb, CPUs: 4}

// task is one that keeps a processor busy.
func task(id string, seconds float64, need memtools.Bytes, after ...string) Task {
	return Task{ID: id, After: after, Need: need, Peak: need * 9 / 10, Length: time.Duration(seconds * float64(time.Second)), Cores: 1}
}

func divide(t *testing.T, r Request) *Division {
	t.Helper()
	d, err := Divide(r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// runs tells what the shards run: "a b+c" are two shards of which the second needs c as well.
func runs(d *Division) string {
	var all []string
	for _, s := range d.Shards {
		text := strings.Join(s.Tasks, ",")
		if len(s.Also) > 0 {
			text += "+" + strings.Join(s.Also, ",")
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func TestDivide(t *testing.T) {
	known := task("core", 100, gb)
	known.Known, known.Size = true, 100*mb
	fetchable := known
	fetchable.ID = "docs"
	guessed := task("a", 60, 40*gb)
	guessed.Guessed = true
	big := Runner{Label: "big", Memory: 64 * gb, Budget: 60 * gb, CPUs: 1}
	one := Runner{Memory: 16 * gb, Budget: 15 * gb, CPUs: 1}
	for _, tt := range []struct {
		claim string
		r     Request
		want  string
	}{
		{"independent tasks go to as many runners as there may be", Request{Runners: 2, Runner: one, Tasks: []Task{task("a", 300, gb), task("b", 300, gb), task("c", 300, gb), task("d", 300, gb)}}, "a,c b,d"},
		{"the longest stands alone", Request{Runners: 2, Runner: one, Tasks: []Task{task("a", 100, gb), task("b", 300, gb), task("c", 100, gb), task("d", 100, gb)}}, "a,c,d b"},
		{"one after the other stay together", Request{Runners: 4, Runner: one, Tasks: []Task{task("a", 300, gb), task("b", 300, gb, "a"), task("c", 300, gb, "b")}}, "a,b,c"},
		{"what several need is built by each, and is one's own", Request{Runners: 2, Runner: one, Tasks: []Task{task("a", 10, gb), task("b", 300, gb, "a"), task("c", 300, gb, "a")}}, "a,b c+a"},
		{"but not if that takes longer than what it saves", Request{Runners: 2, Runner: one, Setup: 40 * time.Second, Tasks: []Task{task("a", 300, gb), task("b", 10, gb, "a"), task("c", 10, gb, "a")}}, "a,b,c"},
		{"what the processors of one runner do at once stays together", Request{Runners: 4, Runner: four, Setup: 40 * time.Second, Tasks: []Task{task("a", 300, gb), task("b", 300, gb), task("c", 300, gb), task("d", 300, gb)}}, "a,b,c,d"},
		{"unless its memory does not allow it", Request{Runners: 2, Runner: four, Setup: 40 * time.Second, Tasks: []Task{task("a", 300, 9*gb), task("b", 300, 9*gb)}}, "a b"},
		{"short work is not divided", Request{Runners: 4, Runner: one, Setup: 40 * time.Second, Tasks: []Task{task("a", 5, gb), task("b", 5, gb)}}, "a,b"},
		{"what is known runs nowhere", Request{Runners: 4, Runner: one, Tasks: []Task{fetchable, task("a", 300, gb)}}, "a"},
		{"and is fetched where it is needed", Request{Runners: 2, Runner: one, Tasks: []Task{known, task("a", 300, gb, "core"), task("b", 300, gb, "core"), fetchable}}, "a+core b+core"},
		{"nothing to run is no shard", Request{Runners: 4, Runner: one, Tasks: []Task{known}}, ""},
		{"what fits no runner goes to a larger one, and what needs it too", Request{Runners: 2, Runner: one, Larger: &big, Tasks: []Task{task("a", 300, 20*gb), task("b", 300, gb), task("c", 300, gb, "a")}}, "a,c b"},
		{"all of it, if one runner may do all", Request{Runners: 1, Runner: one, Larger: &big, Tasks: []Task{task("a", 300, 20*gb), task("b", 300, gb)}}, "a,b"},
		{"a guess beyond all memory is no reason to refuse", Request{Runners: 1, Runner: one, Tasks: []Task{guessed}}, "a"},
		{"names beside the tasks do not count", Request{Runners: 1, Runner: one, Tasks: []Task{task("a", 1, gb, "x", "a")}}, "a"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			d := divide(t, tt.r)
			if got := runs(d); got != tt.want {
				t.Errorf("got %q, want %q; %+v", got, tt.want, d.Tried)
			}
		})
	}
	t.Run("larger ones have their label and come first", func(t *testing.T) {
		d := divide(t, Request{Runners: 2, Runner: one, Larger: &big, Tasks: []Task{task("a", 300, gb), task("b", 100, 20*gb)}})
		if len(d.Shards) != 2 || d.Shards[0].Runner.Label != "big" || d.Shards[1].Runner != one {
			t.Errorf("%+v", d.Shards)
		}
	})
	t.Run("fetching takes time by size", func(t *testing.T) {
		d := divide(t, Request{Runners: 1, Runner: one, Tasks: []Task{known, task("a", 10, gb, "core")}})
		if want := 12100 * time.Millisecond; d.Alone != want { // 0.1 s and 2 s of fetching, then 10 s
			t.Errorf("%v, want %v", d.Alone, want)
		}
	})
}

func TestTooLarge(t *testing.T) {
	r := Request{Runners: 4, Runner: four, Tasks: []Task{task("a", 1, gb), task("b", 1, 20*gb)}}
	for _, tt := range []struct {
		larger *Runner
		want   []string
	}{
		{nil, []string{"b (20GB)", "-memory=16GB", "15GB", "-larger=LABEL:64GB:16"}},
		{&Runner{Memory: 20 * gb, Budget: 19 * gb, CPUs: 4}, []string{"b (20GB)", "the runner of -larger", "19GB"}},
	} {
		r.Larger = tt.larger
		_, err := Divide(r)
		p := (*problem.Error)(nil)
		if !errors.As(err, &p) || p.ExitStatus() != problem.ExitUsage {
			t.Fatalf("%v", err)
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not name %q", err, want)
			}
		}
	}
}

// anyRequest draws a request.
func anyRequest(t *rapid.T) Request {
	count := rapid.IntRange(0, 30).Draw(t, "tasks")
	r := Request{Runners: rapid.IntRange(1, 6).Draw(t, "runners"), Setup: time.Duration(rapid.IntRange(0, 60).Draw(t, "setup")) * time.Second,
		Runner: Runner{Memory: 8 * gb, Budget: 7 * gb, CPUs: float64(rapid.IntRange(1, 4).Draw(t, "processors")), Slots: rapid.IntRange(0, 3).Draw(t, "slots")}}
	most := 7 * gb
	if rapid.Bool().Draw(t, "larger") {
		r.Larger = &Runner{Label: "larger", Memory: 32 * gb, Budget: 30 * gb, CPUs: 8}
		most = 9 * gb
	}
	for i := range count {
		one := task(fmt.Sprintf("t%02d", i), rapid.Float64Range(0.1, 200).Draw(t, "length"), memtools.Bytes(rapid.Int64Range(int64(10*mb), int64(most)).Draw(t, "need")))
		one.Cores = rapid.Float64Range(0, 3).Draw(t, "cores")
		one.Known = rapid.IntRange(0, 4).Draw(t, "known") == 0
		one.Size = memtools.Bytes(rapid.Int64Range(0, int64(gb)).Draw(t, "size"))
		for before := range i {
			switch rapid.IntRange(0, 12).Draw(t, "order") {
			case 0:
				one.After = append(one.After, fmt.Sprintf("t%02d", before))
			case 1:
				one.Follows = append(one.Follows, fmt.Sprintf("t%02d", before))
			}
		}
		r.Tasks = append(r.Tasks, one)
	}
	return r
}

// TestPromises: whatever there is to divide, each task is in one shard, each shard can build its
// own alone and inside its memory, it takes no longer than one runner, and all of it is the same
// each time.
func TestPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRequest(t)
		before := fmt.Sprintf("%+v", r)
		d, err := Divide(r)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := Divide(r)
		if fmt.Sprintf("%+v", r) != before || !reflect.DeepEqual(d, again) {
			t.Fatalf("divided otherwise the second time: %+v, %+v", d, again)
		}
		tasks := map[string]Task{}
		for _, one := range r.Tasks {
			tasks[one.ID] = one
		}
		in := map[string]int{}
		if len(d.Shards) > r.Runners {
			t.Fatalf("%d shards for %d runners", len(d.Shards), r.Runners)
		}
		for _, s := range d.Shards {
			has := slices.Concat(s.Tasks, s.Also)
			if len(s.Tasks) == 0 {
				t.Fatalf("a shard has no task of its own: %+v", s)
			}
			for _, id := range s.Tasks {
				in[id]++
			}
			for _, id := range has {
				if tasks[id].Need > s.Runner.Budget && !tasks[id].Known {
					t.Fatalf("%s needs %v on %v", id, tasks[id].Need, s.Runner)
				}
				for _, before := range tasks[id].After {
					if !slices.Contains(has, before) {
						t.Fatalf("%s needs %s, which its shard does not have: %v", id, before, has)
					}
				}
			}
			if s.Peak > s.Runner.Memory || s.Time >= failing {
				t.Fatalf("%v in %v, of %v", s.Peak, s.Time, s.Runner.Memory)
			}
			if s.Time > d.Alone {
				t.Fatalf("a shard takes %v, and one runner %v", s.Time, d.Alone)
			}
		}
		for id, one := range tasks {
			if want := map[bool]int{true: 0, false: 1}[one.Known]; in[id] != want {
				t.Fatalf("%s is in %d shards, want %d", id, in[id], want)
			}
		}
	})
}

// TestQuality compares plans with the best of all ways to divide.
func TestQuality(t *testing.T) {
	if testing.Short() {
		t.Skip("tries all ways to divide 30 builds; left out with -short")
	}
	r := rand.New(rand.NewPCG(1, 17))
	sum, worst, graphs := 0.0, 0.0, 30
	for range graphs {
		request := Request{Runners: 2 + r.IntN(2), Runner: Runner{Memory: 8 * gb, Budget: 7 * gb, CPUs: 2}}
		for i := range 5 + r.IntN(8) {
			one := task(fmt.Sprint(i), 5+r.ExpFloat64()*60, memtools.Bytes((0.2+r.ExpFloat64())*float64(gb))%(6*gb)+100*mb)
			for before := range i {
				if r.IntN(i+3) == 0 {
					one.After = append(one.After, fmt.Sprint(before))
				}
			}
			request.Tasks = append(request.Tasks, one)
		}
		p, err := newDivider(request)
		if err != nil {
			t.Fatal(err)
		}
		best := p.best(p.arrange(request.Runners, 0), 0)
		var got time.Duration
		for _, a := range p.arrangements() { // none is left out because it does not pay
			if p.refine(a); got == 0 || a.trial().Wall < got {
				got = a.trial().Wall
			}
		}
		if got == 0 || p.single().trial().Wall < got {
			got = p.single().trial().Wall
		}
		ratio := got.Seconds() / best.Seconds()
		sum, worst = sum+ratio, max(worst, ratio)
	}
	if t.Logf("mean %.3f, worst %.3f of the best of all", sum/float64(graphs), worst); sum/float64(graphs) > 1.03 || worst > 1.25 {
		t.Errorf("mean %.3f, worst %.3f", sum/float64(graphs), worst)
	}
}

// best tries all ways to put the sinks from one on into the bins.
func (p *divider) best(a *arrangement, from int) time.Duration {
	if from == len(p.sinks) {
		return a.trial().Wall
	}
	var best time.Duration
	for _, b := range a.bins {
		empty := len(b.sinks) == 0
		b.add(p.sinks[from])
		if wall := p.best(a, from+1); best == 0 || wall < best {
			best = wall
		}
		b.remove(p.sinks[from])
		if empty { // the other empty ones are like it
			break
		}
	}
	return best
}

// TestMany: five thousand tasks for a hundred runners are divided in seconds, and well.
func TestMany(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r := Request{Runners: 100, Runner: four, Setup: 40 * time.Second}
	random := rand.New(rand.NewPCG(3, 3))
	for i := range 5000 {
		one := task(fmt.Sprint(i), 1+random.ExpFloat64()*20, 100*mb+memtools.Bytes(random.ExpFloat64()*500*float64(mb))%(14*gb))
		if i > 0 {
			one.After = []string{fmt.Sprint((i - 1) / 8)}
		}
		r.Tasks = append(r.Tasks, one)
	}
	start := time.Now()
	d := divide(t, r)
	t.Logf("%d shards in %v: %v instead of %v", len(d.Shards), time.Since(start), d.Tried[len(d.Tried)-1], d.Alone)
	if took := d.trial(len(d.Shards)).Wall; len(d.Shards) < 20 || took > d.Alone/10 {
		t.Errorf("%d shards take %v, and one runner %v", len(d.Shards), took, d.Alone)
	}
}

func TestAssume(t *testing.T) {
	tasks := []Task{task("a", 3, gb), {ID: "b"}, task("c", 5, gb), task("d", 9, gb), {ID: "e", Known: true}}
	count, length := assume(tasks)
	if count != 1 || length != 5*time.Second || tasks[1].Length != length || tasks[4].Length != 0 {
		t.Errorf("%d, %v, %+v", count, length, tasks)
	}
	if _, length := assume([]Task{{ID: "a"}}); length != usualLength {
		t.Errorf("%v", length)
	}
	want := "No run is known of 1 task, so time and memory are guessed: a; 10s where nothing is like them"
	if text, hint := Assume([]Task{{ID: "a"}}, []string{"a"}); text != want || hint == "" {
		t.Errorf("%q, %q", text, hint)
	}
	if text, hint := Assume(tasks, nil); text+hint != "" {
		t.Errorf("%q, %q", text, hint)
	}
}

func TestSummary(t *testing.T) {
	one := Runner{Memory: 16 * gb, Budget: 15 * gb, CPUs: 1}
	known := Task{ID: "docs", Known: true}
	for _, tt := range []struct {
		claim, want, hint string
		r                 Request
	}{
		{"what is gained", "2 shards: 2 tasks to run, 1 known; 5m40s with 40s of set-up, 10m40s with one runner", "",
			Request{Runners: 2, Runner: one, Setup: 40 * time.Second, Tasks: []Task{task("a", 300, gb), task("b", 300, gb), known}}},
		{"more than pay", "1 shard: 2 tasks to run, 0 known; 46s with 40s of set-up\nMore do not pay: 2 would take 43s and 1m26s of all runners, not 46s", "a job that builds everything",
			Request{Runners: 2, Runner: one, Setup: 40 * time.Second, Tasks: []Task{task("a", 3, gb), task("b", 3, gb)}}},
		{"more than can be used", "1 shard: 1 task to run, 0 known; 46s with 40s of set-up\nMore would not be done sooner", "a job that builds everything",
			Request{Runners: 2, Runner: one, Setup: 40 * time.Second, Tasks: []Task{task("a", 6, gb)}}},
		{"nothing to do", "No shard: the result of 1 task is known", "", Request{Runners: 2, Runner: one, Tasks: []Task{known}}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			lines, hint := divide(t, tt.r).Summary(tt.r)
			if got := strings.Join(lines, "\n"); got != tt.want || !strings.HasPrefix(hint, tt.hint) || hint != "" && tt.hint == "" {
				t.Errorf("%s\n💡 %s", got, hint)
			}
		})
	}
}

func TestDetails(t *testing.T) {
	r := Request{Runners: 2, Runner: Runner{Label: "ubuntu", Memory: 16 * gb, Budget: 15 * gb, CPUs: 1},
		Tasks: []Task{{ID: "docs", Known: true}, task("core", 10, gb), task("a", 300, gb, "core"), task("b", 290, gb, "core", "docs")}}
	want := []string{
		"Shard 1/2, ubuntu: 5m10s, 921.6MB at most, runs core, a",
		"Shard 2/2, ubuntu: 5m0s, 921.6MB at most, runs b; as others do: core; fetches docs",
		"1 shard: done after 10m0s, 10m0s of all runners, set-up included",
		"2 shards: done after 5m10s, 10m10s of all runners, set-up included",
	}
	if got := divide(t, r).Details(r); !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}
