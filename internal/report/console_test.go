package report

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/ci"
	"github.com/heapmage/heapmage/internal/cilog"
	"github.com/heapmage/heapmage/internal/diagnostics"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/memtools"
)

func mb(f float64) memtools.Bytes { return memtools.Bytes(f * float64(memtools.MB)) }

func memory(moment event.Moment, used float64) event.Memory {
	return event.Memory{Moment: moment, Usage: mb(used), Budget: 8 * memtools.GB}
}

func task(name, target string) event.Task {
	return event.Task{ID: name + "#" + target, Package: "@acme/" + name, Label: name, Target: target, Script: target}
}

func started(name, target string, used float64) event.TaskStarted {
	return event.TaskStarted{Task: task(name, target), Attempt: 1, Usage: mb(used), Budget: 8 * memtools.GB}
}

// finished ends a task with the run at the given usage.
func finished(name, target string, used float64, f event.TaskFinished) event.TaskFinished {
	f.Task, f.Usage, f.Budget = task(name, target), mb(used), 8*memtools.GB
	return f
}

func succeeded(seconds, peak float64, log string) event.TaskFinished {
	return event.TaskFinished{Status: event.Succeeded, Duration: time.Duration(seconds * float64(time.Second)), Peak: mb(peak), Log: log}
}

// known ends a task whose result was known.
func known(name string, seconds, peak float64, written int) event.TaskKnown {
	return event.TaskKnown{Task: task(name, "build"), Written: written, Duration: time.Duration(seconds * float64(time.Second)), Peak: mb(peak)}
}

// because starts a task whose result could not be used.
func because(name, why string) event.TaskStarted {
	e := started(name, "build", 12.34)
	e.Because = why
	return e
}

// unmeasured starts a task of which no usage is known.
func unmeasured(name, target string) event.TaskStarted {
	return event.TaskStarted{Task: task(name, target)}
}

// of sets the budget of a task's event, in MB.
func of(budget float64, e event.Event) event.Event {
	switch e := e.(type) {
	case event.TaskStarted:
		e.Budget = mb(budget)
		return e
	case event.TaskFinished:
		e.Budget = mb(budget)
		return e
	default:
		return e
	}
}

// output is a script's own output in a scenario, as it comes.
type output struct{ label, text string }

// earlier are events that were printed before a scenario.
type earlier []event.Event

// failed ends a task that failed.
func failed(name, target string, f event.TaskFinished) event.TaskFinished {
	f.Task = task(name, target)
	return f
}

// knownWith adds what a task printed whose result is known.
func knownWith(e event.TaskKnown, log string) event.TaskKnown {
	e.Log = log
	return e
}

// leftOut is how many lines were left out so far.
type leftOut int

func TestConsoleWritesWhatTheLogPageShows(t *testing.T) {
	log := func(text string) string {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	root := t.TempDir()
	logs := filepath.Join(root, ".heapmage/runs/1/logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		t.Fatal(err)
	}
	outOfMemory := filepath.Join(logs, "core-build.log")
	if err := os.WriteFile(outOfMemory, []byte("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	scenarios := map[string][]any{
		"A build, one package at a time": {
			event.RunStarted{Target: "build"}, memory(event.AtStart, 12.34),
			started("core", "build", 12.34), output{"core", "> tsc said this"},
			finished("core", "build", 14.5, succeeded(12.34, 412.5, log("> tsc said this"))),
			started("cli", "build", 14.5), memory(event.AtTick, 1024.5),
			event.Pressure{Level: memtools.Warning, Usage: mb(6400), Budget: 8 * memtools.GB},
			event.Pressure{Level: memtools.Critical, Usage: mb(7536.64), Budget: 8 * memtools.GB},
			event.GCStarted{Trigger: event.AtCritical, Processes: 1}, event.GCFinished{Freed: mb(512.25), Usage: mb(6144), Budget: 8 * memtools.GB},
			event.Pressure{Level: memtools.Normal, Usage: mb(100), Budget: 8 * memtools.GB},
			finished("cli", "build", 16, succeeded(18.52, 7124.25, "")),
			event.RunFinished{Target: "build", Succeeded: 2, Duration: 31020 * time.Millisecond, Peak: mb(7536.64), Usage: mb(16), Budget: 8 * memtools.GB,
				Tasks: 30870 * time.Millisecond, Bound: 30860 * time.Millisecond, BoundBy: "serial", Serial: 30860 * time.Millisecond, Collections: 1},
		},
		"Making room": {
			started("core", "build", 12.34),
			started("web", "build", 12.34),
			event.Correction{Task: task("web", "build"), Action: event.Paused, Held: mb(412)},
			event.Correction{Task: task("web", "build"), Action: event.Resumed},
			event.Correction{Task: task("web", "build"), Action: event.Paused, Held: mb(600.5)},
			finished("web", "build", 7000, event.TaskFinished{Status: event.Stopped, Duration: 3210 * time.Millisecond, Peak: mb(612), Retry: true, Log: log("half of its output")}),
			finished("core", "build", 14.5, succeeded(12.34, 6712, "")),
			started("web", "build", 14.5),
			finished("web", "build", 16, succeeded(8.1, 688, "")),
			event.RunFinished{Target: "build", Succeeded: 2, Duration: 21020 * time.Millisecond, Peak: mb(7536.64), Usage: mb(16), Budget: 8 * memtools.GB,
				Tasks: 20500 * time.Millisecond, Bound: 16100 * time.Millisecond, BoundBy: "memory", Serial: 20440 * time.Millisecond,
				Retries: 1, Pauses: 2, Collections: 1, Unused: mb(120.25)},
		},
		"Memory that others hold": {
			of(788, started("core", "build", 12.34)),
			event.Notice{Kind: event.OthersMemory, Text: "Other programs hold 412.00MB of the 788.00MB that this run may use: it waits until there is room; an older run of heapmage (process 4242) goes first"},
			event.Correction{Task: task("core", "build"), Action: event.Paused, Held: mb(240)},
			of(320, finished("core", "build", 14.5, event.TaskFinished{Status: event.Stopped, Duration: 2100 * time.Millisecond, Peak: mb(240), Retry: true, ForOthers: true})),
			of(788, started("core", "build", 14.5)), of(788, finished("core", "build", 14.5, succeeded(4.2, 561.5, ""))),
			event.RunFinished{Target: "build", Succeeded: 1, Duration: 9800 * time.Millisecond, Peak: mb(576), Usage: mb(14.5), Budget: mb(788)},
		},
		"A failure after a pause": {
			started("core", "test", 12.34), started("cli", "test", 12.34),
			finished("core", "test", 14.5, event.TaskFinished{Status: event.Failed, Duration: 12340 * time.Millisecond, Peak: mb(412.5), Retry: true,
				Reason: "exit code 1, after a pause of 6.10s", Log: log("Exceeded timeout of 5000 ms for a test.\n")}),
			event.Notice{Kind: event.Retrying, Task: "core", Text: "it was paused for 6.10s, which may be why it failed: trying again, alone and without pauses"},
			finished("cli", "test", 14.5, event.TaskFinished{Status: event.Failed, Duration: 12340 * time.Millisecond, Peak: mb(412.5), Retry: true,
				Reason: "exit code 1, after a pause of 6.10s"}),
			event.Notice{Kind: event.Retrying, Task: "cli", Text: "it was paused for 6.10s, which may be why it failed: trying again, alone and without pauses"},
			started("core", "test", 14.5), finished("core", "test", 14.5, event.TaskFinished{Status: event.Succeeded, Duration: 8200 * time.Millisecond, Peak: mb(412.5), PausedBefore: 6100 * time.Millisecond}),
			started("cli", "test", 14.5), finished("cli", "test", 14.5, event.TaskFinished{Status: event.Failed, Duration: 8200 * time.Millisecond, Peak: mb(412.5), PausedBefore: 6100 * time.Millisecond,
				Reason: "exit code 1, as in the attempt that was paused for 6.10s"}),
		},
		"Packages side by side": {
			started("core", "build", 12.34), output{"core", "not shown as it comes"},
			started("cli", "typecheck", 12.34),
			finished("cli", "typecheck", 14.5, succeeded(2, 96.75, log("checked 12 files"))),
			finished("core", "build", 14.5, succeeded(12.34, 412.5, log(""))),
		},
		"Packages side by side, as they come": {
			started("core", "build", 12.34), started("cli", "build", 12.34),
			output{"core", "reads a"}, output{"cli", "checked 12 files\n"}, output{"core", ".ts\n50 %\r100 %\r\nwrites \x1b[1Aa.js\nno end"},
			finished("cli", "build", 14.5, succeeded(2, 96.75, log("checked 12 files"))),
			finished("core", "build", 14.5, succeeded(12.34, 412.5, log("all of it"))),
		},
		"A failure": {
			earlier{event.RunStarted{Target: "build", Root: root}},
			started("core", "build", 12.34),
			finished("core", "build", 14.5, event.TaskFinished{Status: event.OutOfMemory, Duration: 3210 * time.Millisecond,
				Reason: "JavaScript heap out of memory (V8 heap limit 512.00MB)", Hint: "raise the heap limit",
				Peak: mb(561.5), Curve: []memtools.Bytes{0, mb(80), mb(160), mb(240), mb(320), mb(400), mb(480), mb(561.5)},
				Log: outOfMemory}),
			event.TaskSkipped{Task: task("cli", "build"), Because: new(task("core", "build"))},
			event.TaskSkipped{Task: task("docs", "generate"), Because: new(task("core", "build"))},
			event.TaskSkipped{Task: task("web", "build")},
			event.RunFinished{Target: "build", Succeeded: 3, Failed: 1, Skipped: 3, Duration: 31020 * time.Millisecond,
				Peak: mb(7536.64), Usage: mb(14.5), Budget: 8 * memtools.GB, ExitCode: 4},
		},
		"All failures at the end": {
			earlier{event.RunStarted{Target: "build", Root: "/acme"}, failed("core", "build", event.TaskFinished{Status: event.Failed, Reason: "exit code 2", Log: "/acme/.heapmage/runs/1/logs/core-build.log",
				Excerpt: []string{"src/index.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'."}}),
				failed("web", "generate", event.TaskFinished{Status: event.Failed, Reason: "exit code 1", Log: "/acme/.heapmage/runs/1/logs/web-generate.log",
					Excerpt: []string{"TypeError: the configuration is incomplete", "    at work (/acme/web/generate.js:2:22)"}}),
				failed("cli", "build", event.TaskFinished{Status: event.Interrupted, Reason: "interrupted"}),
				failed("docs", "build", event.TaskFinished{Status: event.TimedOut, Reason: "stopped at its time limit", Hint: "raise timeout: under tasks:",
					Excerpt: []string{"::error::a line of the script \x1b[2J"}})},
			event.TaskSkipped{Task: task("cli", "build"), Because: new(task("core", "build"))},
			event.RunFinished{Target: "build", Failed: 3, Duration: 31020 * time.Millisecond, Peak: mb(7536.64), Usage: mb(14.5), Budget: 8 * memtools.GB, ExitCode: 1},
		},
		"All output of each package together": {
			knownWith(known("sdk", 8.1, 640.2, 3), log("sdk was built once")),
			started("core", "build", 12.34), finished("core", "build", 14.5, succeeded(12.34, 412.5, log("wrote 12 files\n"))),
		},
		"Output of failures alone": {
			started("core", "build", 12.34), finished("core", "build", 14.5, succeeded(12.34, 412.5, log("not shown\n"))),
			started("cli", "build", 12.34), finished("cli", "build", 14.5, event.TaskFinished{Status: event.Failed, Duration: 2 * time.Second, Peak: mb(96.75),
				Reason: "exit code 1", Log: log("error: it does not work")}),
		},
		"GitHub Actions": {
			started("core", "build", 12.34), started("cli", "build", 12.34),
			finished("core", "build", 14.5, succeeded(12.34, 412.5, log("checked 12 files\n::set-output name=x::a script cannot set an output\n"))),
			finished("cli", "build", 14.5, event.TaskFinished{Status: event.Failed, Duration: 2 * time.Second, Peak: mb(96.75), Reason: "exit code 2",
				Errors: []diagnostics.Finding{{File: "packages/cli/src/index.ts", Line: 3, Column: 7, Message: "TS2322: Type 'string' is not assignable to type 'number'."}},
				Log:    log("src/index.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.\n")}),
		},
		"Before the first package": {
			event.RunStarted{Target: "typecheck"},
			event.Notice{Kind: event.DeclaredRead, Text: "turbo.json and those of 3 packages declare the order of tasks; not obeyed: outputLogs, ui"},
			event.Notice{Kind: event.RootLeftOut, Text: "The root's build does more than the packages' scripts, and does not run: tsc -b"},
			event.Notice{Kind: event.OrderLeftOut, Text: "Not ordered, because the declared order is the other way round: core#test after core#build"},
			event.Notice{Kind: event.TaskLeftOut, Text: "Left out, because they never end: api#serve (others name them in \"with\")"},
			event.Notice{Kind: event.TaskLeftOut, Text: "Run by the scripts of other packages: icons#build (by web#build)"},
			event.Notice{Kind: event.RunsRunner, Text: "Scripts of packages start another task runner, which may run tasks a second time: docs#build",
				Hint: `name the scripts that do the work in heapmage.yaml: tasks: {"docs#build": {script: NAME}}`},
			event.Notice{Kind: event.HeapClamped, Text: "Heap limit 16384.00MB (NODE_OPTIONS) does not fit the budget of 6553.60MB: clamped to 6505.60MB"},
			event.Notice{Kind: event.OptionsMerged, Text: "The node options of .npmrc are merged into NODE_OPTIONS"},
			event.Notice{Kind: event.OptionsDead, Text: `NODE_OPTIONS: "node" is not an option: Node ignores it and all that follows`, Hint: "remove the word, or fix its quotes"},
			event.Notice{Kind: event.ShortMemory, Text: "Only 1372.00MB of memory may be used (the container allows 1500MB)", Hint: "raise the container's limit from 1500MB to at least 1.7GB"},
			memory(event.AtStart, 12.34),
			event.StepStarted{Step: "Installing dependencies", Command: "npm ci", Reason: "node_modules is missing"},
			event.StepFinished{Step: "Installing dependencies", Duration: 14200 * time.Millisecond},
			event.Notice{Kind: event.Retrying, Task: "web", Text: "trying again, alone"},
			event.Notice{Kind: event.Retrying, Task: "web", Text: "a Node process could not read what heapmage preloads: trying again without it",
				Hint: "start that process without NODE_OPTIONS, or set gc: {auto: false} in heapmage.yaml"},
			event.Notice{Kind: event.StateDamaged, Text: "2 lines of the history could not be read and were set aside"},
		},
		"Known results": {
			known("core", 12.34, 1024.5, 0), known("sdk", 8.1, 640.2, 3),
			because("cli", "packages/cli/src/main.ts changed"), finished("cli", "build", 14.5, succeeded(3.21, 412.5, "")),
			event.RunFinished{Target: "build", Succeeded: 3, Known: 2, Saved: 20440 * time.Millisecond, Duration: 3510 * time.Millisecond, Usage: mb(14.5), Budget: 8 * memtools.GB, Peak: mb(426.1)},
		},
		"Watching": {
			event.Notice{Kind: event.Watching, Text: "Watching 3 packages; press Ctrl-C to end"},
			event.RunStarted{Target: "build"},
			event.Notice{Kind: event.FilesChanged, Text: "packages/core/src/a.ts and 3 more changed"},
			started("core", "build", 12.34), finished("core", "build", 14.5, event.TaskFinished{Status: event.Outdated, Duration: 1210 * time.Millisecond, Peak: mb(96.75)}),
			event.TaskSkipped{Task: event.Task{Label: "web", Target: "build"}},
			event.RunFinished{Target: "build", ExitCode: 1, Outdated: true, Skipped: 1, Duration: 1340 * time.Millisecond, Usage: mb(14.5), Budget: 8 * memtools.GB, Peak: mb(102.5)},
			event.Notice{Kind: event.WritesItself, Text: "packages/core/lib/a.js is written in every run: changes made during a run are ignored",
				Hint: "declare outputs: under tasks: in heapmage.yaml, or have Git ignore them"},
			event.Notice{Kind: event.NothingToDo, Text: "Nothing to build: none of 3 packages has changed since main (1a2b3c4), or depends on one that has"},
		},
		"What could not be kept": {
			started("b\x1b[2J\nx", "build", 12.34), finished("b\x1b[2J\nx", "build", 14.5, succeeded(2, 96.75, "")),
			event.Notice{Kind: event.StateUnwritten, Text: "Lost: 384.96KB of output are missing from 1 of the logs in .heapmage/runs/1: no space left on device",
				Hint: "free disk space, or make the workspace's folder writable"},
			event.Notice{Kind: event.NotSent, Text: "This run was not sent to OpenTelemetry: traces: the endpoint cannot be reached: connection refused"},
		},
		"Output that is not read": {leftOut(120), memory(event.AtTick, 2)},
		"Other targets": {
			unmeasured("core", "typecheck"), unmeasured("core", "test"), unmeasured("core", "lint"),
			unmeasured("core", "clean"), unmeasured("acme", "bundle"), unmeasured("core", "generate"),
		},
	}
	shows := map[string]Show{"All failures at the end": None, "All output of each package together": Grouped, "Output of failures alone": Errors, "A build, one package at a time": Live, "Packages side by side, as they come": Labelled}
	for title, want := range page(t, "../../docs/log.md") {
		events, ok := scenarios[title]
		if !ok {
			t.Errorf("docs/log.md shows %q, which no test covers", title)
		}
		delete(scenarios, title)
		t.Run(title, func(t *testing.T) {
			var b strings.Builder
			c := NewConsole(t.Context(), &b, false, shows[title])
			if title == "GitHub Actions" {
				c.CI = &cilog.Log{System: ci.GitHubActions}
			}
			outputs, sum := map[string]io.WriteCloser{}, &tally.State{}
			for i, e := range events {
				switch e := e.(type) {
				case output:
					if outputs[e.label] == nil {
						outputs[e.label] = c.Output(e.label, "")
					}
					if _, err := io.WriteString(outputs[e.label], e.text); err != nil {
						t.Fatal(err)
					}
				case earlier:
					for _, e := range e {
						sum.Apply(event.Stamped{Event: e})
					}
				case leftOut:
					c.leftOut = int(e)
				case event.Event:
					if f, ok := e.(event.TaskFinished); ok && outputs[f.Label] != nil {
						if err := outputs[f.Label].Close(); err != nil {
							t.Fatal(err)
						}
					}
					stamped := event.Stamped{Seq: i, Event: e}
					sum.Apply(stamped)
					c.Take(stamped, sum)
				}
			}
			closed(t, c)
			if got := strings.TrimRight(b.String(), "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
	for title := range scenarios {
		t.Errorf("docs/log.md has no sample for %q", title)
	}
}

func closed(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// page reads the text blocks of a page by the title above each.
func page(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)## ([^\n]+)\n(?:[^#]*?)```text\n(.*?)\n```").FindAllStringSubmatch(string(text), -1) {
		blocks[m[1]] = m[2]
	}
	return blocks
}

func TestColours(t *testing.T) {
	for _, tt := range []struct {
		claim  string
		colour bool
		want   bool
	}{{"are there on a terminal", true, true}, {"are not there elsewhere", false, false}} {
		t.Run(tt.claim, func(t *testing.T) {
			var b strings.Builder
			c := NewConsole(t.Context(), &b, tt.colour, Live)
			c.Take(event.Stamped{Event: event.RunStarted{Target: "build"}}, &tally.State{})
			closed(t, c)
			if got := strings.Contains(b.String(), "\x1b["); got != tt.want {
				t.Errorf("escape codes: %v in %q", got, b.String())
			}
		})
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("first line\nsecond\nthird\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		claim   string
		most    memtools.Bytes
		text    string
		earlier memtools.Bytes
	}{
		{"shows a short output whole", 100, "first line\nsecond\nthird\n", 0},
		{"begins at the start of a line", 10, "third\n", 18},
		{"cuts a line that is longer than all that is shown", 3, "rd\n", 21},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			log, err := openLog(path)
			if err != nil {
				t.Fatal(err)
			}
			text, earlier, err := tail(log, tt.most)
			if err != nil || string(text) != tt.text || earlier != tt.earlier {
				t.Errorf("got %q, %d, %v", text, earlier, err)
			}
		})
	}
}

// The guard may have to stop a script for which nothing can be done.
func TestAStopThatIsNotRepeatedSaysSo(t *testing.T) {
	var out bytes.Buffer
	c := NewConsole(t.Context(), &out, false, Held)
	stop := event.TaskFinished{Task: event.Task{ID: "web#build", Label: "web", Target: "build"}, Status: event.Stopped, Duration: time.Second}
	c.Take(event.Stamped{Event: stop}, &tally.State{})
	closed(t, c)
	if !strings.Contains(out.String(), "stopped after 1.00s to make room; it cannot run again") {
		t.Errorf("%s", out.String())
	}
}
