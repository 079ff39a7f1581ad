package planview

import (
	"strings"

	"github.com/heapmage/heapmage/internal/reuse"
)

// Result is what a run would find of a task's result.
type Result struct {
	State State `json:"state"`
	// Reason is why the task has to run, if the state is ToRun.
	Reason string `json:"reason,omitempty"`
	// Until is the ID of the task that has to run before it can be told, if the state is
	// Unknown.
	Until string `json:"until,omitempty"`
}

// State is what is known of a task's result.
type State string

// The states.
const (
	UpToDate State = "up-to-date" // known and in place
	Restored State = "restored"   // known, and a run puts it in place
	ToRun    State = "to-run"
	Unknown  State = "unknown" // another task has to run first
)

var states = map[reuse.State]State{reuse.UpToDate: UpToDate, reuse.Restored: Restored, reuse.Runs: ToRun, reuse.Unknown: Unknown}

// ResultOf is the result that an outlook tells of.
func ResultOf(o reuse.Outlook) *Result {
	return &Result{State: states[o.State], Reason: o.Reason, Until: o.Until}
}

// isKnown reports whether a task would not run, as its result is known.
func (t Task) isKnown() bool {
	return t.Result != nil && (t.Result.State == UpToDate || t.Result.State == Restored)
}

// text is the state in words. name is what a task is called, by its ID.
func (r *Result) text(name func(string) string) string {
	if r == nil {
		return ""
	}
	text := strings.ReplaceAll(string(r.State), "-", " ")
	if r.Until != "" {
		text += " until " + name(r.Until)
	}
	return text
}
