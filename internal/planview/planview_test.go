package planview

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/reuse"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/memtools"
)

// sample is the plan of docs/plan.md.
func sample() *Plan {
	task := func(label, command string, need memtools.Bytes, length time.Duration, o reuse.Outlook, after ...string) Task {
		return Task{
			Task:   event.Task{ID: "@acme/" + label + "#build", Package: "@acme/" + label, Label: label, Target: "build", Script: "build"},
			Folder: "packages/" + label, Command: command, After: append([]string{}, after...), AfterEnd: []string{},
			Need: need, Basis: "history", Length: length, HeapLimit: 2 * memtools.GB, Result: ResultOf(o),
		}
	}
	return &Plan{
		Version: Version, Target: "build", Mode: event.Parallel, Root: "/home/me/acme", Manager: "npm 11.4.2",
		Budget: 4 * memtools.GB, BudgetSource: "budget: 4GB", CPUs: 2,
		Tasks: []Task{
			task("core", "tsc -b", 512*memtools.MB, 4200*time.Millisecond, reuse.Outlook{State: reuse.Runs, Reason: "packages/core/src/a.ts changed"}),
			task("web", "vite build", 1536*memtools.MB, 9*time.Second, reuse.Outlook{State: reuse.Unknown, Until: "@acme/core#build"}, "@acme/core#build"),
		},
		Notices: []event.Notice{{Kind: event.WorkspaceOdd, Text: "packages/old has no package.json", Hint: "remove it"}},
	}
}

func render(t testing.TB, p *Plan, f Form) string {
	t.Helper()
	text, _, err := p.Render(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestJSONPage: the example of docs/plan.md is what is written, so the page cannot go stale.
func TestJSONPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/plan.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```json\n")
	example, _, _ = strings.Cut(example, "```")
	if got := render(t, sample(), JSON); got != example {
		t.Errorf("docs/plan.md has\n%s\nbut this is written:\n%s", example, got)
	}
	for _, name := range fieldNames(t, sample()) {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/plan.md does not describe %s", name)
		}
	}
}

func fieldNames(t *testing.T, v any) (names []string) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"(\w+)":`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteTable(&b, 0); err != nil {
		t.Fatal(err)
	}
	want := `
TASK        RESULT                    NEED       KNOWN FROM  TIME   HEAP LIMIT  SCRIPT      AFTER
core#build  to run                    512.00MB   history     4.20s  2048.00MB   tsc -b
web#build   unknown until core#build  1536.00MB  history     9.00s  2048.00MB   vite build  core#build
`
	if got := "\n" + b.String(); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}

func TestGraphs(t *testing.T) {
	p := sample()
	p.Tasks[0].Result = ResultOf(reuse.Outlook{State: reuse.Restored})
	p.Tasks = append(p.Tasks, Task{Task: event.Task{ID: "@acme/web#test", Label: "web", Target: "test"}, After: []string{"@acme/web#build"}, AfterEnd: []string{"@acme/core#build"}, Need: memtools.GB})
	for f, want := range map[Form]string{
		Mermaid: `flowchart LR
  t0["core#35;build<br>512MB · 4#46;20s"]
  t1["web#35;build<br>1#46;5GB · 9#46;00s"]
  t2["web#35;test<br>1GB"]
  t0 --> t1
  t1 --> t2
  t0 -.-> t2
  classDef known stroke-dasharray: 4
  class t0 known
`,
		Dot: `digraph plan {
  rankdir=LR
  node [shape=box style=rounded]
  "@acme/core#build" [label="core#build\n512MB · 4.20s" style="rounded,dashed"]
  "@acme/web#build" [label="web#build\n1.5GB · 9.00s"]
  "@acme/web#test" [label="web#test\n1GB"]
  "@acme/core#build" -> "@acme/web#build"
  "@acme/web#build" -> "@acme/web#test"
  "@acme/core#build" -> "@acme/web#test" [style=dashed]
}
`,
	} {
		if got := render(t, p, f); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", f, got, want)
		}
	}
}

// TestBeside: what a form has no place for is told beside it.
func TestBeside(t *testing.T) {
	p := sample()
	for f, want := range map[Form]int{JSON: 0, Page: 0, Mermaid: 1, Dot: 1} {
		if _, aside, _ := p.Render(f); len(aside) != want {
			t.Errorf("%s: %+v", f, aside)
		}
	}
	for i := range mermaidEdges {
		p.Tasks = append(p.Tasks, Task{Task: event.Task{ID: fmt.Sprint(i)}, After: []string{"@acme/core#build"}})
	}
	_, aside, _ := p.Render(Mermaid)
	if len(aside) != 2 || aside[1].Kind != event.GraphLarge || !strings.Contains(aside[1].Text, "501 edges") {
		t.Errorf("%+v", aside)
	}
	if len(p.Notices) != 1 {
		t.Error("the plan has changed")
	}
}

// hostile are names that each form could take for its own syntax.
var hostile = []string{
	`a"b`, `a\`, `a\"b`, `</script><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `"onclick="alert(1)`, "`b`", `1. x`, `- x`, `**x**`,
	`]-->t1`, `%%{init: {"theme":"dark"}}%%`, `end`, `x;y`, `#quot;`, `&lt;b&gt;`, `&amp;`, `\N`, `a{b|c}`, `[x](javascript:alert(1))`, "漢字", "é🎁", "a\x1b[2J", "a\u202eb", "::error::x",
}

// TestHostileNames: a name is text in every form, and nothing in it acts.
func TestHostileNames(t *testing.T) {
	for _, name := range hostile {
		p := sample()
		for i := range p.Tasks {
			n := &p.Tasks[i]
			n.Label, n.Package, n.Folder, n.Command = name, name, name, name
		}
		p.Tasks[0].ID, p.Tasks[1].After[0], p.Target, p.Root, p.Notices[0].Text = name, name, name, name, name
		plain := sample()
		for _, f := range []Form{JSON, Mermaid, Dot, Page} {
			got := render(t, p, f)
			if n, want := strings.Count(got, "\n"), strings.Count(render(t, plain, f), "\n"); n != want {
				t.Errorf("%s: %q gives %d lines instead of %d", f, name, n, want)
			}
			for line := range strings.Lines(got) {
				if line = strings.TrimSuffix(line, "\n"); printable.Text(line) != line {
					t.Errorf("%s: %q is not escaped: %q", f, name, line)
				}
			}
		}
		page := render(t, p, Page)
		if want := "<b>" + html.EscapeString(printable.Text(name)+"#build") + "</b>"; !strings.Contains(strings.NewReplacer("&#43;", "+", "&#96;", "`").Replace(page), want) {
			t.Errorf("the page does not show %q as %s", name, want)
		}
		if want := strings.Count(render(t, plain, Page), "<"); strings.Count(page, "<") != want {
			t.Errorf("%q makes elements on the page", name)
		}
		var back Plan
		if err := json.Unmarshal([]byte(render(t, p, JSON)), &back); err != nil || back.Tasks[0].Command != name {
			t.Errorf("JSON gives %q back as %q: %v", name, back.Tasks[0].Command, err)
		}
		label := regexp.MustCompile(`^  t0\["(([\p{L}\p{N}\p{M} /@\x{80}-\x{10ffff}]|#\d+;)*)<br>`)
		if line := strings.Split(render(t, p, Mermaid), "\n")[1]; !label.MatchString(line) {
			t.Errorf("Mermaid may read %q as its own: %s", name, line)
		}
		quoted := regexp.MustCompile(`^  "([^"\\]|\\\\|\\")*" \[label="([^"\\]|\\\\|\\"|\\n)*"\]$`)
		if line := strings.Split(render(t, p, Dot), "\n")[3]; !quoted.MatchString(line) {
			t.Errorf("Graphviz may read %q as its own: %s", name, line)
		}
	}
}

func TestFlags(t *testing.T) {
	yes, page, typo := true, "html", "mermade"
	for _, tt := range []struct {
		flags Flags
		want  Form
		err   string
	}{
		{Flags{}, Table, ""},
		{Flags{Explain: &yes}, Explain, ""},
		{Flags{JSON: &yes}, JSON, ""},
		{Flags{Graph: &page}, Page, ""},
		{Flags{Graph: &typo}, Table, "-graph=mermade: is not known\n💡 did you mean mermaid?"},
		{Flags{JSON: &yes, Graph: &page}, Table, "-json -graph=html: a plan has one form at a time"},
	} {
		got, err := tt.flags.Form()
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
			t.Errorf("%+v: %q, %v", tt, got, err)
		}
	}
}

// TestColumns: the page has each task right of all that come before it.
func TestColumns(t *testing.T) {
	p := sample()
	p.Tasks = append(p.Tasks, Task{Task: event.Task{ID: "x"}, AfterEnd: []string{"@acme/web#build"}}, Task{Task: event.Task{ID: "y"}})
	var got []string
	for _, column := range p.columns() {
		text := ""
		for _, b := range column {
			text += fmt.Sprint(b.Number, " ")
		}
		got = append(got, text)
	}
	if want := []string{"0 3 ", "1 ", "2 "}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDirect: what is left of the edges orders the same tasks, and no edge is left that another
// way replaces.
func TestDirect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &taskgraph.Graph{}
		for i := range rapid.IntRange(1, 9).Draw(t, "tasks") {
			task := &taskgraph.Task{ID: fmt.Sprint(i)}
			for _, before := range g.Tasks {
				switch rapid.SampledFrom([]string{"none", "after", "implied"}).Draw(t, "edge") {
				case "after":
					task.After = append(task.After, before)
				case "implied":
					task.Implied = append(task.Implied, taskgraph.Implied{Task: before})
				}
			}
			g.Tasks = append(g.Tasks, task)
		}
		after, afterEnd := Direct(g)
		hard := func(x *taskgraph.Task) []*taskgraph.Task { return x.After }
		direct := func(x *taskgraph.Task) []*taskgraph.Task { return after[x] }
		both := func(x *taskgraph.Task) []*taskgraph.Task { return append(slices.Clone(after[x]), afterEnd[x]...) }
		for _, x := range g.Tasks {
			if got, want := reached(x, direct), reached(x, hard); !slices.Equal(got, want) {
				t.Fatalf("%s must come after the success of %v, not %v", x.ID, want, got)
			}
			if got, want := reached(x, both), reached(x, (*taskgraph.Task).Predecessors); !slices.Equal(got, want) {
				t.Fatalf("%s must come after %v, not %v", x.ID, want, got)
			}
			for _, a := range after[x] {
				for _, other := range after[x] {
					if slices.Contains(reached(other, direct), a.ID) {
						t.Fatalf("%s need not be told to come after %s", x.ID, a.ID)
					}
				}
			}
		}
	})
}

// reached are the IDs of all tasks that a task reaches.
func reached(from *taskgraph.Task, next func(*taskgraph.Task) []*taskgraph.Task) (ids []string) {
	seen := map[*taskgraph.Task]bool{}
	for queue := []*taskgraph.Task{from}; len(queue) > 0; queue = queue[1:] {
		for _, n := range next(queue[0]) {
			if !seen[n] {
				seen[n] = true
				queue, ids = append(queue, n), append(ids, n.ID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}
