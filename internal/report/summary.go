package report

import (
	"fmt"
	"strings"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/printable"
)

// boundBy names what sets the lower bound of a run.
var boundBy = map[string]string{"processors": "processor time", "memory": "memory", "order": "the longest chain of packages",
	"concurrency": "the concurrency that is set", "serial": "one at a time"}

// Totals are the lines of the log that sum up a run, without their symbols.
func Totals(e event.RunFinished) []string {
	lines := []string{fmt.Sprintf("%s in %s, peak %s", counts(e), seconds(e.Duration), usage(e.Peak, e.Budget))}
	if text := quality(e); text != "" {
		lines = append(lines, text)
	}
	return lines
}

// quality is how close a run came to the best possible time, and what that took. It is
// empty if the run had no choice.
func quality(e event.RunFinished) string {
	var parts []string
	if e.Succeeded-e.Known > 1 {
		if e.Bound > 0 {
			parts = append(parts, fmt.Sprintf("%.2f times the lower bound of %s (%s)", float64(e.Tasks)/float64(e.Bound), seconds(e.Bound), boundBy[e.BoundBy]))
		}
		if saved := e.Serial - e.Tasks; saved > 0 && e.BoundBy != "serial" {
			parts = append(parts, seconds(saved)+" saved against one at a time")
		}
	}
	for _, n := range []struct {
		count int
		noun  string
	}{{e.Retries, "further attempt"}, {e.Pauses, "pause"}, {e.Collections, "GC"}} {
		if n.count > 0 {
			parts = append(parts, printable.Count(n.count, n.noun))
		}
	}
	if e.Unused > 0 && len(parts) > 0 {
		parts = append(parts, fmt.Sprintf("%v reserved but unused on average while packages waited for memory", e.Unused))
	}
	return strings.Join(parts, ", ")
}

// counts is "5 succeeded, 1 failed, 2 skipped", leaving out what is zero.
func counts(e event.RunFinished) string {
	parts := []string{printable.Count(e.Succeeded, "task") + " succeeded"}
	if e.Known > 0 {
		parts[0] += fmt.Sprintf(", %d of them known from before (%s saved)", e.Known, seconds(e.Saved))
	}
	if e.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", e.Failed))
	}
	if e.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", e.Skipped))
	}
	return strings.Join(parts, ", ")
}
