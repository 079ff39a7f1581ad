package report

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/heapmage/heapmage/ci"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/memtools"
)

// Output returns the writer for the output of one task, which label names. Everything
// must be in the file log before it is written here: what waits to be printed is read
// again from there. Without a log, writes wait for the reader if too much waits. Close
// the writer after the last write: it may hold back a partial line.
func (c *Console) Output(label, log string) io.WriteCloser {
	switch c.show {
	case Live:
		if c.CI != nil {
			s := source{console: c, log: log}
			return &labelled{console: c, source: s, lines: *s.lines()}
		}
		return &live{console: c, source: source{console: c, log: log}}
	case Labelled:
		s := source{console: c, log: log, label: labelOf(label)}
		return &labelled{console: c, source: s, lines: *s.lines()}
	case Held, Grouped, Errors, None:
	}
	return held{}
}

// Listen returns a writer that takes the output of a task before it is printed, and tells the CI
// system what the script tells it, as [cilog.Log.Listen] describes.
func (c *Console) Listen(log string, locate func(file string) string) io.WriteCloser {
	return c.CI.Listen(log, locate, func(lines string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.raw(lines)
	})
}

// labelOf is what stands in front of a task's lines. One that begins with a symbol, as lines
// of the log do, is shown without it.
func labelOf(label string) []byte {
	label = printable.Name(label)
	if r, size := utf8.DecodeRuneInString(label); unicode.IsSymbol(r) {
		label = strings.Trim(strconv.QuoteRuneToASCII(r), "'") + label[size:]
	}
	return []byte(label + ": ")
}

// source is the output of one task on its way to the console.
type source struct {
	console *Console
	log     string // empty if there is none
	label   []byte // in front of each line; nil if the output is printed as it is
	margin  string // without a label
	// queued is up to where in the log the output was handed to the queue.
	queued  int64
	waiting *part // the last one that waits in the queue, nil if none does
}

// lines returns what the output is printed through, line by line; nil if it is printed as it is.
func (s *source) lines() *lines {
	l := &lines{label: s.label, margin: s.margin}
	if s.console.CI != nil {
		l.system = s.console.CI.System
	} else if s.label == nil {
		return nil
	}
	return l
}

// part is a part of a task's log that waits to be printed.
type part struct {
	source   *source
	from, to int64
}

// print reads the part and writes it. What cannot be read is replaced by a line that
// tells so.
func (p *part) print(to io.Writer) error {
	left, err := p.copy(to)
	if left == 0 || err != nil {
		return err
	}
	c := p.source.console
	line := c.lineOf(c.paint.warning, "⚠️  %v of output cannot be read back from %s", memtools.Bytes(left), p.source.log)
	_, err = io.WriteString(to, "\n"+line)
	return err
}

// copy returns how much could not be read, and the error of the writer.
func (p *part) copy(to io.Writer) (left int64, err error) {
	left = p.to - p.from
	log, err := p.source.console.OpenLog(p.source.log)
	if err != nil {
		return left, nil
	}
	defer log.Close()
	if !log.Whole() { // offsets mean nothing in it
		return left, nil
	}
	l := p.source.lines()
	buf, _ := buffers.Get().(*[mostTogether]byte)
	defer buffers.Put(buf)
	var whole []byte
	for left > 0 {
		n, err := log.ReadAt(buf[:min(left, int64(len(buf)))], p.to-left)
		left -= int64(n)
		out := buf[:n]
		if l != nil {
			whole = l.add(whole[:0], out)
			out = whole
		}
		if _, failed := to.Write(out); failed != nil {
			return 0, failed
		}
		if err != nil && !errors.Is(err, io.EOF) || n == 0 {
			break
		}
	}
	if l != nil {
		_, err = to.Write(l.end(nil))
	}
	return left, err
}

// held drops the output: the console prints it from the log when the task ends, if at all.
type held struct{}

func (held) Write(p []byte) (int, error) { return len(p), nil }
func (held) Close() error                { return nil }

// live passes the output on as it is. It is used by one goroutine.
type live struct {
	console *Console
	source  source
}

func (l *live) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c := l.console
	if l.source.log == "" {
		c.queue.await()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue.follow(&l.source, p, l.source.queued+int64(len(p)))
	c.dirty = p[len(p)-1] != '\n'
	c.spaced, c.foreign = false, true
	return len(p), nil
}

func (*live) Close() error { return nil }

// labelled passes whole lines on, each with a label in front, so that lines of tasks
// that run side by side never mix; or without one, so that a CI system obeys none of them. Only
// one goroutine may use it.
type labelled struct {
	console *Console
	source  source
	lines   lines
	written int64
	whole   []byte // is used again for each write
}

func (l *labelled) Write(p []byte) (int, error) {
	l.written += int64(len(p))
	l.whole = l.lines.add(l.whole[:0], p)
	l.queue(l.whole)
	return len(p), nil
}

// Close prints a last line that did not end.
func (l *labelled) Close() error {
	l.queue(l.lines.end(nil))
	return nil
}

func (l *labelled) queue(whole []byte) {
	if len(whole) == 0 {
		return
	}
	c := l.console
	if l.source.log == "" {
		c.queue.await()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLine()
	c.queue.follow(&l.source, whole, l.written-int64(len(l.lines.partial)))
	c.spaced, c.foreign = false, l.lines.label == nil
}

// longestLine bounds what is kept of a line that has not ended. A longer line is printed
// as several.
const longestLine = 64 << 10

// lines puts a label before each line of a text that comes in pieces, or keeps a CI system from
// obeying it.
type lines struct {
	label   []byte // nil if there is none
	margin  string // without a label
	system  ci.System
	partial []byte // a line that has not ended
	colours []byte // that are set at the end of the last line
}

// add appends the lines that p ends to dst.
func (l *lines) add(dst, p []byte) []byte {
	for len(p) > 0 {
		line, after, ended := bytes.Cut(p, []byte{'\n'})
		p = after
		l.partial = append(l.partial, line...)
		for len(l.partial) > longestLine {
			cut := cutOf(l.partial)
			dst = l.append(dst, l.partial[:cut])
			l.partial = append(l.partial[:0], l.partial[cut:]...)
		}
		if ended {
			dst = l.append(dst, l.partial)
			l.partial = l.partial[:0]
		}
	}
	return dst
}

// cutOf is where a line that is too long is cut: between words, as a CI system does not know a part of
// a secret that it hides, or else between characters.
func cutOf(line []byte) int {
	cut := longestLine
	if at := bytes.LastIndexByte(line[:cut], ' '); at > cut/2 {
		return at + 1
	}
	for n := range utf8.UTFMax {
		if utf8.RuneStart(line[cut-n]) {
			return cut - n
		}
	}
	return cut
}

// end appends a last line that did not end.
func (l *lines) end(dst []byte) []byte {
	if len(l.partial) > 0 {
		dst = l.append(dst, l.partial)
		l.partial = nil
	}
	return dst
}

// append appends a line. With a label, what would move the cursor is escaped, so that no
// line looks as if it had no label; each part of a line that carriage returns end, as those
// of a progress bar, is one of its own. Colours go on in the next line of the same task, and
// colour or hide nothing else.
func (l *lines) append(dst, line []byte) []byte {
	if l.label == nil {
		return append(l.system.AppendInert(append(dst, l.margin...), line), '\n')
	}
	line = bytes.TrimRight(line, "\r")
	for more := true; more; {
		var one []byte
		one, line, more = bytes.Cut(line, []byte{'\r'})
		if len(one) > 0 || !more {
			begin := len(dst)
			dst = append(append(dst, l.label...), l.colours...)
			from := len(dst)
			dst = printable.AppendLine(dst, one)
			l.follow(dst[from:])
			if l.system != ci.None {
				dst = append(dst[:begin], l.system.AppendInert(nil, dst[begin:])...)
			}
			if len(l.colours) > 0 {
				dst = append(dst, reset...)
			}
			dst = append(dst, '\n')
		}
	}
	return dst
}

const reset = "\x1b[0m"

// mostColours bounds what is kept of colours, in bytes.
const mostColours = 64

// follow notes which colours a line sets. All that begins with ESC in it sets one.
func (l *lines) follow(line []byte) {
	for {
		at := bytes.IndexByte(line, '\x1b')
		if at < 0 {
			return
		}
		line = line[at:]
		n := bytes.IndexByte(line, 'm') + 1
		switch one := line[:n]; {
		case string(one) == reset || string(one) == "\x1b[m":
			l.colours = l.colours[:0]
		case n > mostColours: // nobody means that
			l.colours = append(l.colours[:0], reset...)
		case len(l.colours)+n > mostColours:
			l.colours = append(l.colours[:0], one...)
		default:
			l.colours = append(l.colours, one...)
		}
		line = line[n:]
	}
}
