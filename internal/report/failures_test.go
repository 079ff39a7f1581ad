package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/tally"
)

// runOf is what a run prints that ends with the given tasks.
func runOf(t *testing.T, end event.RunFinished, tasks ...event.TaskFinished) string {
	t.Helper()
	var b strings.Builder
	c := NewConsole(t.Context(), &b, false, None)
	sink := tally.NewSink(c)
	sink.Take(event.Stamped{Event: event.RunStarted{Target: "build"}})
	for _, f := range tasks {
		sink.Take(event.Stamped{Event: f})
	}
	sink.Take(event.Stamped{Event: end})
	closed(t, c)
	return b.String()
}

func TestFailures(t *testing.T) {
	bad := event.TaskFinished{Status: event.Failed, Reason: "exit code 1"}
	t.Run("those of a run that files have made outdated are not told", func(t *testing.T) {
		if got := runOf(t, event.RunFinished{ExitCode: 1, Outdated: true}, failed("core", "build", bad)); strings.Contains(got, "📋") {
			t.Error(got)
		}
	})
	t.Run("an attempt that another follows is none", func(t *testing.T) {
		again := bad
		again.Retry = true
		if got := runOf(t, event.RunFinished{}, failed("core", "build", again)); strings.Contains(got, "📋") {
			t.Error(got)
		}
	})
	t.Run("very many are counted", func(t *testing.T) {
		var many []event.TaskFinished
		for i := range 50 {
			many = append(many, failed(fmt.Sprint("p", i), "build", bad))
		}
		got := runOf(t, event.RunFinished{ExitCode: 1}, many...)
		if !strings.Contains(got, "📋 50 failures:\n") || !strings.Contains(got, "❌ p19: exit code 1\n\n❌ and 30 more\n\n❌ Run failed!") {
			t.Errorf("it ends %s", got[max(0, len(got)-200):])
		}
	})
	t.Run("a record that someone has edited does not act", func(t *testing.T) {
		f := failed("core", "build", bad)
		f.Excerpt, f.Log, f.Hint = []string{evil}, evil, evil
		harmless(t, "failures", []byte(runOf(t, event.RunFinished{ExitCode: 1}, f)))
	})
}

func TestLabels(t *testing.T) {
	for label, want := range map[string]string{
		"core":                  "core: ",
		"@acme/core":            "@acme/core: ",
		"日本":                    "日本: ",
		"❌ Building package":    `\u274c Building package: `,
		"💾 Memory":              `\U0001f4be Memory: `,
		"::error::\x1b[2J stop": `\x3a\x3aerror\x3a\x3a\x1b[2J stop: `,
	} {
		if got := string(labelOf(label)); got != want {
			t.Errorf("%q: %q, want %q", label, got, want)
		}
	}
}

// TestGrouped: however much a script printed, it is read when its turn comes.
func TestGrouped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	text := strings.Repeat("0123456789abcde\n", 200_000) + "no end"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	printed := func(change func(*Console)) string {
		g := newGate()
		c := NewConsole(t.Context(), g, false, Grouped)
		change(c)
		take(c, event.TaskFinished{Task: task("core", "build"), Status: event.Succeeded, Log: path})
		if size, _ := waiting(c); size > 70_000 {
			t.Errorf("%d bytes wait", size)
		}
		take(c, event.Notice{Kind: event.NothingToDo, Text: "after"})
		g.open()
		closed(t, c)
		return g.String()
	}
	if got := printed(func(*Console) {}); !strings.Contains(got, "completed in 0.00s\n"+text+"\n\n✅ after\n") {
		t.Errorf("it ends %q", got[max(0, len(got)-100):])
	}
	t.Run("of a log with a gap, the end", func(t *testing.T) {
		got := printed(func(c *Console) {
			c.OpenLog = func(path string) (rundir.Source, error) {
				log, err := openLog(path)
				return gapped{log}, err
			}
		})
		if !strings.Contains(got, "earlier output in "+path) || !strings.HasSuffix(got, "\nno end\n\n✅ after\n") {
			t.Errorf("it ends %q", got[max(0, len(got)-100):])
		}
	})
}
