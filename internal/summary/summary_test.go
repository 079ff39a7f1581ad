package summary

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/ci"
	"github.com/heapmage/heapmage/internal/diagnostics"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/timeline"
	"github.com/heapmage/heapmage/memtools"
)

var update = os.Getenv("UPDATE") != ""

// record is the record of a run in which the events come a second apart.
func record(t *testing.T, events ...event.Event) string {
	t.Helper()
	var b strings.Builder
	for i, e := range events {
		text, err := event.Stamped{Seq: i + 1, Time: time.Unix(1700000000+int64(i), 0).UTC(), Event: e}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	return b.String()
}

func read(t *testing.T, events ...event.Event) *timeline.Timeline {
	t.Helper()
	return timeline.Read(strings.NewReader(record(t, events...)))
}

func task(name, target string) event.Task {
	return event.Task{ID: name + "#" + target, Package: "@acme/" + name, Label: name, Target: target, Script: target}
}

func sample(mb memtools.Bytes) event.Sample {
	return event.Sample{Usage: mb * memtools.MB, Budget: memtools.GB, Available: memtools.GB}
}

// failing is a run in which everything happens that is told.
func failing() []event.Event {
	because := task("core", "build")
	return []event.Event{
		event.RunStarted{Format: 2, Run: "01", Target: "build", Root: "/r", Budget: memtools.GB},
		event.RunPlanned{Tasks: []event.PlannedTask{{Task: task("sdk", "build")}, {Task: task("core", "build")}, {Task: task("heap", "generate")}, {Task: task("web", "build")}, {Task: task("cli", "build")}, {Task: task("docs", "build")}}},
		sample(10), event.TaskKnown{Task: task("sdk", "build"), Duration: 8 * time.Second, Peak: 640 * memtools.MB},
		event.TaskStarted{Task: task("core", "build"), Attempt: 1, Need: 400 * memtools.MB, Basis: "history"}, sample(200),
		event.TaskFinished{Task: task("core", "build"), Attempt: 1, Status: event.Failed, Duration: 2 * time.Second, Peak: 350 * memtools.MB, ExitCode: 2, Reason: "exit code 2",
			Excerpt: []string{"src/a.ts(3,7): error TS2322: no"}, Errors: []diagnostics.Finding{{File: "packages/core/src/a.ts", Line: 3, Column: 7, Message: "TS2322: no"}}, MoreErrors: 2},
		event.TaskStarted{Task: task("heap", "generate"), Attempt: 1, Need: memtools.GB, Basis: event.FromNothing}, sample(300),
		event.TaskFinished{Task: task("heap", "generate"), Attempt: 1, Status: event.Stopped, Duration: time.Second, Retry: true},
		event.TaskStarted{Task: task("heap", "generate"), Attempt: 2, Need: memtools.GB, Basis: event.FromNothing}, sample(700),
		event.TaskFinished{Task: task("heap", "generate"), Attempt: 2, Status: event.OutOfMemory, Duration: 3 * time.Second, Peak: 512 * memtools.MB, ExitCode: -1, Reason: "JavaScript heap out of memory",
			Hint: "set heapLimit: 192MB", Curve: []memtools.Bytes{1, 3, 7}},
		event.TaskStarted{Task: task("cli", "build"), Attempt: 1, Need: 90 * memtools.MB, Basis: "history"},
		event.TaskFinished{Task: task("cli", "build"), Attempt: 1, Status: event.Succeeded, Duration: 5 * time.Second, Peak: 80 * memtools.MB},
		event.TaskSkipped{Task: task("web", "build"), Because: &because}, event.TaskSkipped{Task: task("docs", "build")}, sample(20),
		event.RunFinished{Target: "build", Succeeded: 2, Known: 1, Saved: 8 * time.Second, Failed: 2, Skipped: 2, Duration: 12 * time.Second, Peak: 700 * memtools.MB, Budget: memtools.GB, ExitCode: 4, Reason: "build failed"},
	}
}

func TestMarkdown(t *testing.T) {
	got := Markdown(read(t, failing()...))
	const file = "testdata/failing.md"
	if update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("%v\n%s", err, got)
	}
	for _, tt := range []struct {
		claim, want string
		run         *timeline.Timeline
	}{
		{"a run that was killed has not ended", "### ⏳ `build` has not ended\n\n1 succeeded, 1 of them known from before (8.00s saved) in 4.00s", read(t, failing()[:5]...)},
		{"what still runs is told", "| `core` | runs | 0.00s |  | 400.00MB |", read(t, failing()[:5]...)},
		{"a good run", "### ✅ `build` succeeded\n\n3 succeeded in 1.00s, peak **0.00MB** of 1024.00MB (0 %)", read(t, event.RunStarted{Target: "build"}, event.RunFinished{Succeeded: 3, Duration: time.Second, Budget: memtools.GB})},
		{"one that did not begin tells why", "### ❌ `build` failed\n\n0 succeeded in 0.00s, peak **0.00MB** of 0.00MB (0 %)\n\n❌ too little memory &#91;x&#93;", read(t, event.RunStarted{Target: "build"}, event.RunFinished{ExitCode: 3, Reason: "too little memory [x]"})},
		{"so does one that was interrupted", "❌ build interrupted\n", read(t, event.RunStarted{Target: "build"}, event.RunFinished{ExitCode: 130, Failed: 2, Reason: "build interrupted"})},
		{"one that files have made outdated has not failed", "### ⏹️ `build` stopped: files have changed", read(t, event.RunStarted{Target: "build"}, event.RunFinished{ExitCode: 1, Outdated: true})},
		{"a damaged record is told", "The record can be read only in part: line 2: ", timeline.Read(strings.NewReader("{}\nx\n{}\n"))},
		{"nothing", "### ⏳ `run` has not ended", read(t)},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := Markdown(tt.run); !strings.Contains(got, tt.want) {
				t.Errorf("%s", got)
			}
		})
	}
}

func TestManyPackages(t *testing.T) {
	events := []event.Event{event.RunStarted{Target: "build"}}
	for i := range 500 {
		events = append(events, event.TaskStarted{Task: task(fmt.Sprint("p", i), "build"), Attempt: 1},
			event.TaskFinished{Task: task(fmt.Sprint("p", i), "build"), Status: event.Failed, Duration: time.Duration(i) * time.Second, Reason: "exit code 1"})
	}
	got := Markdown(read(t, append(events, event.RunFinished{Failed: 500, ExitCode: 1})...))
	for _, want := range []string{"<details><summary>500 packages</summary>", "| `p499` |", "and 400 more, which took less time\n\n</details>", "❌ and 480 more"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in it", want)
		}
	}
	if strings.Contains(got, "| `p399` |") || len(got) > 20<<10 {
		t.Errorf("%d bytes", len(got))
	}
}

var reference = regexp.MustCompile(`&#\d+;`)

// FuzzMarkdown: whatever the names and texts are, they add no markup.
func FuzzMarkdown(f *testing.F) {
	for _, evil := range []string{"<img src=x onerror=y>", "a|b`c\n# d", "```\n</details>", "@user [x](javascript:y) ![](http://z)", "www.evil.com $x$ \\ ~~a~~ *b* _c_", "\u202e\x1b[2J\xff", " ` ", "&lt;", strings.Repeat("`|<", 10000)} {
		f.Add(evil)
	}
	f.Fuzz(func(t *testing.T, evil string) {
		span := Code(evil)
		inner := strings.TrimSuffix(strings.TrimPrefix(span, "<code>"), "</code>")
		if strings.HasPrefix(span, "`") {
			if inner = span[1 : len(span)-1]; !strings.HasSuffix(span, "`") || strings.ContainsAny(inner, "`|<>&\\\n") {
				t.Fatalf("%q becomes %q", evil, span)
			}
		} else if rest := reference.ReplaceAllString(inner, ""); strings.ContainsAny(rest, "`|<>&\\\n@*_[]()!~$.:#") {
			t.Fatalf("%q becomes %q", evil, span)
		}
		sentence := prose(evil)
		if rest := reference.ReplaceAllString(sentence, " "); strings.ContainsAny(rest, "`|<>&\\\n@*_[]!~$#{}") || links().MatchString(rest) {
			t.Fatalf("%q becomes %q", evil, sentence)
		}
		shown := block([]string{evil, "b"})
		lines := strings.Split(shown, "\n")
		if fence := strings.TrimSuffix(lines[0], "text"); len(lines) != 5 || lines[3] != fence || strings.Contains(lines[1], fence) || strings.Trim(fence, "`") != "" {
			t.Fatalf("%q becomes %q", evil, shown)
		}
		e := event.TaskFinished{Task: task(evil, evil), Status: event.Failed, Reason: evil, Hint: evil, Excerpt: []string{evil, evil, evil, evil, evil, evil, evil}}
		events := []event.Event{event.RunStarted{Target: "x" + evil}}
		for range 3 {
			events = append(events, event.TaskStarted{Task: e.Task}, e)
		}
		if text := Markdown(read(t, events...)); len(text) > 512<<10 {
			t.Fatalf("%d bytes", len(text))
		}
	})
}

func TestAppend(t *testing.T) {
	root, file := t.TempDir(), filepath.Join(t.TempDir(), "summary")
	const id = "01a21b7105390432c88e901b"
	dir := filepath.Join(root, ".heapmage", "runs", id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "events.jsonl"), []byte(record(t, failing()...)), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"GITHUB_STEP_SUMMARY=" + file}
	for range 2 {
		if err := Append(env, root, id); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := os.ReadFile(file); strings.Count(string(got), "### ❌ `build` failed") != 2 {
		t.Errorf("%s", got)
	}
	for _, err := range []error{Append(nil, root, id), Append(env, root, "none"), Append(env, t.TempDir(), id)} {
		if err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(file, make([]byte, ci.SummaryLimit), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Append(env, root, id); !errors.Is(err, ci.ErrSummaryFull) {
		t.Error(err)
	}
}
