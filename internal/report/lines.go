package report

import (
	"fmt"

	"github.com/fatih/color"

	"github.com/heapmage/heapmage/internal/printable"
)

// lineOf is one line of the log. Names and reasons in it may come from a repository,
// so nothing in it acts on the terminal or on the CI system.
func (c *Console) lineOf(paint *color.Color, format string, args ...any) string {
	return paint.Sprint(c.inert(fmt.Sprintf(format, args...))) + "\n"
}

// inert is a line in which nothing acts on the terminal or on the CI system.
func (c *Console) inert(line string) string {
	line = printable.Text(line)
	if c.CI != nil {
		line = string(c.CI.System.AppendInert(nil, []byte(line)))
	}
	return line
}

// line writes one line of the log.
func (c *Console) line(paint *color.Color, format string, args ...any) {
	c.endLine()
	line := c.lineOf(paint, format, args...)
	if c.foreign && c.colour { // a script may have left its own on
		line = reset + line
	}
	c.foreign = false
	c.queue.add([]byte(line))
	c.spaced = false
}

func (c *Console) blank() {
	c.endLine()
	c.queue.add([]byte{'\n'})
	c.spaced = true
}

// endLine ends a line that a script's output left open.
func (c *Console) endLine() {
	if c.dirty {
		c.queue.add([]byte{'\n'})
		c.dirty = false
	}
}

// palette holds the colours of the log.
type palette struct{ title, good, bad, warning, hint, faint *color.Color }

func newPalette(colour bool) palette {
	paint := func(attributes ...color.Attribute) *color.Color {
		c := color.New(attributes...)
		if colour {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}
	return palette{
		title:   paint(color.Bold),
		good:    paint(color.FgGreen),
		bad:     paint(color.FgRed, color.Bold),
		warning: paint(color.FgYellow),
		hint:    paint(color.FgCyan),
		faint:   paint(color.Faint),
	}
}
