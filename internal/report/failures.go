package report

import (
	"path/filepath"
	"strings"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/tally"
)

// failures prints what failed, once more and together: above it there may be much else.
func (c *Console) failures(sum *tally.State) {
	n := len(sum.Failures) + sum.MoreFailures
	if n == 0 || sum.Run.Format == 1 { // runs of format 1 were printed without it
		return
	}
	c.line(c.paint.bad, "📋 %s:", printable.Count(n, "failure"))
	c.blank()
	for _, f := range sum.Failures {
		c.failure(f, sum)
		c.blank()
	}
	if sum.MoreFailures > 0 {
		c.line(c.paint.bad, "❌ and %d more", sum.MoreFailures)
		c.blank()
	}
}

func (c *Console) failure(f event.TaskFinished, sum *tally.State) {
	c.line(c.paint.bad, "❌ %s: %s", sum.Label(f.Task), f.Reason)
	for _, line := range f.Excerpt {
		c.quote(line)
	}
	if f.Log != "" {
		c.line(c.paint.faint, "   📄 %s", inside(sum.Run.Root, f.Log))
	}
	if f.Hint != "" {
		c.line(c.paint.hint, "   💡 %s", f.Hint)
	}
}

// quote prints a line of a script. The bar in front tells that it is one.
func (c *Console) quote(line string) {
	c.endLine()
	line = strings.TrimPrefix(c.inert("│"+line), "│") // which is not at its beginning
	c.queue.add([]byte(c.paint.faint.Sprint("   │ ") + line + "\n"))
	c.spaced = false
}

// inside is a path relative to a folder that holds it, or else the path.
func inside(folder, path string) string {
	if rel, err := filepath.Rel(folder, path); folder != "" && err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
