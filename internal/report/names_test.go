package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/memtools"
)

// evil is a name that would clear the terminal, forge a line and give a command.
const evil = "b\x1b[2J\n✅ Build completed successfully!\n::warning::x\r\u202e\xff##[error]"

// TestNamesDoNotAct: whatever a repository calls its packages, scripts and folders, no
// line of the log has more than its own meaning.
func TestNamesDoNotAct(t *testing.T) {
	task := event.Task{ID: evil, Package: evil, Label: evil, Target: evil, Script: evil}
	for _, e := range []event.Event{
		event.RunStarted{Target: evil},
		event.Notice{Kind: event.Retrying, Task: evil, Text: evil, Hint: evil},
		event.StepStarted{Step: evil, Command: evil, Reason: evil},
		event.StepFinished{Step: evil, Reason: evil, Log: "/nowhere/" + evil},
		event.TaskStarted{Task: task, Budget: memtools.GB},
		event.TaskFinished{Task: task, Status: event.Failed, Reason: evil, Hint: evil, Budget: memtools.GB, Peak: 1},
		event.TaskFinished{Task: task, Status: event.Succeeded},
		event.TaskFinished{Task: task, Status: event.Stopped},
		event.TaskSkipped{Task: task, Because: &task},
		event.Correction{Task: task, Action: event.Paused},
		event.Correction{Task: task, Action: event.Resumed},
		event.GCFinished{Processes: []event.GCProcess{{Error: evil}}},
		event.RunFinished{Target: evil, ExitCode: 1},
	} {
		var b bytes.Buffer
		c := NewConsole(t.Context(), &b, false, Held)
		c.Take(event.Stamped{Event: e}, &tally.State{})
		closed(t, c)
		harmless(t, fmt.Sprintf("%T", e), b.Bytes())
	}
	t.Run("nor does a label in front of output, whose colours stay", func(t *testing.T) {
		var b bytes.Buffer
		c := NewConsole(t.Context(), &b, false, Labelled)
		out := c.Output("::warning::"+evil, "")
		if _, err := out.Write([]byte("green \x1b[32mtext\n")); err != nil {
			t.Fatal(err)
		}
		closed(t, c)
		label, text, _ := strings.Cut(b.String(), ": green ")
		if text != "\x1b[32mtext\x1b[0m\n" {
			t.Errorf("the output is %q", text)
		}
		harmless(t, "label", []byte(label))
	})
}

// harmless checks that text only has the bytes that the log is made of.
func harmless(t *testing.T, what string, text []byte) {
	t.Helper()
	for _, bad := range []string{"\x1b", "\r", "\u202e", "\xff", "\n✅ Build completed successfully!", "\n::", "##["} {
		if bytes.Contains(append([]byte("\n"), text...), []byte(bad)) {
			t.Errorf("%s: %q holds %q", what, text, bad)
		}
	}
}
