package report

import (
	"bytes"
	"io"

	"github.com/heapmage/heapmage/internal/printable"
)

// Output returns the writer for the output of one task, which label names. Close it
// after the last write: it may hold back a partial line.
func (c *Console) Output(label string) io.WriteCloser {
	switch c.show {
	case Live:
		return live{c}
	case Labelled:
		return &labelled{console: c, label: []byte(printable.Name(label) + ": ")}
	case Held:
	}
	return held{}
}

// held drops the output: the console prints it from the log when the task ends.
type held struct{}

func (held) Write(p []byte) (int, error) { return len(p), nil }
func (held) Close() error                { return nil }

// live passes the output on as it is.
type live struct{ console *Console }

func (l live) Write(p []byte) (int, error) {
	c := l.console
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(p) > 0 {
		_, _ = c.out.Write(p) // what is refused is lost here; the log file has it all
		c.dirty = p[len(p)-1] != '\n'
		c.spaced = false
	}
	return len(p), nil
}

func (live) Close() error { return nil }

// longestLine bounds what is kept of a line that has not ended. A longer line is printed
// as several.
const longestLine = 64 << 10

// labelled passes whole lines on, each with a label in front, so that lines of tasks
// that run side by side never mix. Only one goroutine may use it.
type labelled struct {
	console *Console
	label   []byte
	partial []byte // a line that has not ended
}

func (l *labelled) Write(p []byte) (int, error) {
	var lines []byte
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte{'\n'})
		rest = after
		l.partial = append(l.partial, line...)
		for len(l.partial) > longestLine {
			lines = l.appendLine(lines, l.partial[:longestLine])
			l.partial = append(l.partial[:0], l.partial[longestLine:]...)
		}
		if ended {
			lines = l.appendLine(lines, l.partial)
			l.partial = l.partial[:0]
		}
	}
	l.print(lines)
	return len(p), nil
}

// Close prints a last line that did not end.
func (l *labelled) Close() error {
	if len(l.partial) > 0 {
		l.print(l.appendLine(nil, l.partial))
		l.partial = nil
	}
	return nil
}

func (l *labelled) appendLine(lines, line []byte) []byte {
	return append(append(append(lines, l.label...), line...), '\n')
}

func (l *labelled) print(lines []byte) {
	if len(lines) == 0 {
		return
	}
	l.console.mu.Lock()
	defer l.console.mu.Unlock()
	l.console.raw(lines)
}
