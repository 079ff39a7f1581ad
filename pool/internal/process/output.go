package process

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/memtools/oom"
)

// tailSize is how much of a worker's output is kept, in bytes.
const tailSize = 16 << 10

// output takes what a worker writes to standard output and standard error.
type output struct {
	tail tail
	scan oom.Scanner
	log  *lines // nil without a log
}

func newOutput(l *Log, number int) *output {
	o := &output{}
	if l != nil {
		o.log = &lines{log: l, prefix: fmt.Sprintf("pool: worker %d | ", number)}
	}
	return o
}

func (o *output) Write(b []byte) (int, error) {
	_, _ = o.scan.Write(b)
	if o.log != nil {
		_, _ = o.log.Write(b)
	}
	return o.tail.Write(b)
}

// end is called after the last Write.
func (o *output) end() (string, oom.Findings) {
	if o.log != nil {
		o.log.flush()
	}
	return o.tail.String(), o.scan.Findings()
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

func (t *tail) Write(b []byte) (int, error) {
	n := len(b)
	if len(b) > tailSize {
		b = b[len(b)-tailSize:]
	}
	if len(t.kept)+len(b) > 2*tailSize { // rarely, so that most writes only append
		t.kept = append(t.kept[:0], t.kept[max(0, len(t.kept)+len(b)-tailSize):]...)
	}
	t.kept = append(t.kept, b...)
	return n, nil
}

func (t *tail) String() string {
	return strings.ToValidUTF8(string(t.kept[max(0, len(t.kept)-tailSize):]), "\uFFFD")
}

// Headline returns the line of a worker's output that explains most: that of an
// uncaught error, else the last one. It is at most about 200 bytes long.
func Headline(output string) string {
	last := ""
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		name, _, ok := strings.Cut(line, ":")
		if i := strings.IndexAny(name, " [("); i > 0 {
			name = name[:i]
		}
		if ok && (strings.HasSuffix(name, "Error") || name == "panic" || name == "Uncaught") {
			return shorten(line)
		}
		if line != "" && !strings.HasPrefix(line, "Node.js v") {
			last = line
		}
	}
	return shorten(last)
}

func shorten(line string) string {
	const most = 200
	if len(line) <= most {
		return line
	}
	return strings.ToValidUTF8(line[:most], "") + "…"
}

// Log writes whole lines of several goroutines to one writer.
type Log struct {
	mu sync.Mutex
	to io.Writer
}

// NewLog returns a log that writes to w, never concurrently.
func NewLog(w io.Writer) *Log { return &Log{to: w} }

// Line writes text and a line break. An error of the writer is ignored.
func (l *Log) Line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.to, text+"\n")
}

// lines writes each line of a worker's output to log, with a prefix.
type lines struct {
	log    *Log
	prefix string
	rest   []byte
}

func (n *lines) Write(b []byte) (int, error) {
	n.rest = append(n.rest, b...)
	for {
		line, rest, ok := bytes.Cut(n.rest, []byte("\n"))
		if !ok && len(n.rest) < tailSize {
			return len(b), nil
		}
		n.log.Line(n.prefix + string(line))
		n.rest = rest
	}
}

// flush writes an unfinished line.
func (n *lines) flush() {
	if len(n.rest) > 0 {
		n.log.Line(n.prefix + string(n.rest))
		n.rest = nil
	}
}
