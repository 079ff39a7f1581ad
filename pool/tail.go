package pool

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// tailSize is how much of a worker's output is kept.
const tailSize = 16 << 10

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

func (t *tail) Write(b []byte) (int, error) {
	n := len(b)
	if len(b) > tailSize {
		b = b[len(b)-tailSize:]
	}
	if len(t.kept)+len(b) > 2*tailSize { // not at each write
		t.kept = append(t.kept[:0], t.kept[max(0, len(t.kept)+len(b)-tailSize):]...)
	}
	t.kept = append(t.kept, b...)
	return n, nil
}

func (t *tail) String() string {
	return strings.ToValidUTF8(string(t.kept[max(0, len(t.kept)-tailSize):]), "\uFFFD")
}

// log writes whole lines of several goroutines to one writer.
type log struct {
	mu sync.Mutex
	to io.Writer
}

func (l *log) line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.to, text+"\n") // a log that cannot be written stops nobody
}

// named writes each line of a worker's output behind a name.
type named struct {
	log  *log
	name string
	rest []byte
}

func (n *named) Write(b []byte) (int, error) {
	n.rest = append(n.rest, b...)
	for {
		line, rest, ok := bytes.Cut(n.rest, []byte("\n"))
		if !ok && len(n.rest) < tailSize {
			return len(b), nil
		}
		n.log.line(n.name + string(line))
		n.rest = rest
	}
}

// flush writes an unfinished line.
func (n *named) flush() {
	if len(n.rest) > 0 {
		n.log.line(n.name + string(n.rest))
		n.rest = nil
	}
}
