package oom

import (
	"bytes"
	"strings"

	"github.com/heapmage/heapmage/memtools"
)

// Bounds of a Scanner. A text is recognised by the start of its line, so the
// rest of a long line is passed over.
const (
	maxLine    = 1024 // bytes of a line that are looked at
	maxPrefix  = 160  // bytes that a runner may put in front of each line
	maxQuote   = 200  // bytes of a quoted line
	maxPending = 4    // texts that wait for their stack trace at the same time
	window     = 60   // lines within which a text and its stack trace belong together
	traceLines = 200  // lines of a Go trace that are searched for the program's name
	nearEnd    = 40   // lines from the end within which a weak text still counts
)

// Scanner watches a stream of output for the fatal texts that Diagnose knows.
// It is an io.Writer that never fails; texts may be split over writes in any
// way, and the stream may have any size: a Scanner holds the start of one line
// and what it found. The zero Scanner is ready. It is not safe for concurrent
// use; two streams of one process that are read at once take one Scanner behind
// a lock, as lines of both belong together.
type Scanner struct {
	buf     [maxLine]byte
	n       int
	started bool // anything was written
	open    bool // the current line has content, seen or passed over

	found   Findings
	pending [maxPending]candidate
	next    int // the slot of pending that is used next

	// What stands before some texts and makes them certain.
	collection, traceback, jvmStart, goUse note
	deathPrefix                            string
}

// Findings is what a Scanner found. The zero value is that of no output.
type Findings struct {
	seen  bool
	lines int
	// death is the last text that is certain; abort is V8's text without the trace
	// around it, which takes an abort as its second witness.
	death, abort finding
	// weak is a text that also stands in warnings; killed says that a process
	// below was killed; missing names a command that was not found.
	weak, killed, missing finding
}

// finding is one text in the output.
type finding struct {
	cause  Cause
	detail string
	line   string
	used   memtools.Bytes
	at     int // the number of the line, from 1
	// soft is set for a text of V8 that stands for its heap limit and for memory
	// that the system refused alike, and for esbuild's note that its process ended.
	soft bool
}

// candidate is a finding that becomes certain with a line that follows it.
type candidate struct {
	finding
	prefix string
	proof  func(rest []byte) bool
	until  int
}

// note is a line that was seen, for texts which refer back to it.
type note struct {
	prefix string
	value  memtools.Bytes
	at     int
}

// before reports whether the note stands within n lines before line at, under
// the same prefix.
func (n note) before(at, lines int, prefix string) bool {
	return n.at > 0 && at-n.at <= lines && n.prefix == prefix
}

// Write scans p. It returns len(p) and no error.
func (s *Scanner) Write(p []byte) (int, error) {
	n := len(p)
	s.started = s.started || n > 0
	for len(p) > 0 {
		// A carriage return ends a line too: progress bars write over themselves.
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			s.take(p)
			break
		}
		s.take(p[:i])
		s.endLine()
		p = p[i+1:]
	}
	return n, nil
}

// Findings returns what was found so far, the unfinished line included. The
// scan can go on after it.
func (s *Scanner) Findings() Findings {
	c := *s
	if c.open {
		c.endLine()
	}
	c.found.seen = c.started
	return c.found
}

func (s *Scanner) take(p []byte) {
	if len(p) > 0 {
		s.open = true
		s.n += copy(s.buf[s.n:], p)
	}
}

func (s *Scanner) endLine() {
	line := bytes.TrimRight(stripEscapes(s.buf[:s.n]), " \t")
	s.n = 0
	if !s.open {
		return // blank lines carry nothing, and wrappers drop or add them
	}
	s.open = false
	s.found.lines++
	s.confirm(line)
	s.match(line)
}

// confirm looks whether the line makes an earlier text certain.
func (s *Scanner) confirm(line []byte) {
	for i := range s.pending {
		c := &s.pending[i]
		if c.proof == nil {
			continue
		}
		if s.found.lines > c.until {
			c.proof = nil
			continue
		}
		if rest, ok := bytes.CutPrefix(line, []byte(c.prefix)); ok && c.proof(bytes.TrimLeft(rest, " \t")) {
			s.die(c.finding, c.prefix)
			c.proof = nil
		}
	}
	if s.found.death.cause == GoMemory && s.found.lines-s.found.death.at <= traceLines && bytes.HasPrefix(line, []byte(s.deathPrefix)) {
		nameGoProgram(&s.found.death, line)
	}
}

// die records a text that is certain. The last one counts: an earlier one was
// survived.
func (s *Scanner) die(f finding, prefix string) {
	s.found.death, s.deathPrefix = f, prefix
}

// await records a text that becomes certain when proof accepts a line below it.
func (s *Scanner) await(f finding, prefix string, proof func([]byte) bool) {
	s.pending[s.next] = candidate{f, prefix, proof, s.found.lines + window}
	s.next = (s.next + 1) % maxPending
}

// prefixed reports whether p is what a runner puts in front of each line of its
// child ("web:build: ", "[0] ", "app build | ", "#12 3.456 "), or empty. An
// indented, quoted or listed text is a quotation of the text, not the text.
func prefixed(p []byte) bool {
	if len(p) == 0 {
		return true
	}
	q := bytes.TrimRight(p, " \t")
	if len(p) > maxPrefix || len(q) == 0 || len(q) == len(p) || bytes.ContainsAny(q, "\"'`") {
		return false
	}
	for _, mark := range []string{":", "|", "]", "│", "┃"} {
		if bytes.HasSuffix(q, []byte(mark)) {
			return true
		}
	}
	return false
}

// stripEscapes removes terminal control sequences (ESC [ … letter) in place.
func stripEscapes(b []byte) []byte {
	i := bytes.IndexByte(b, 0x1b)
	if i < 0 {
		return b
	}
	out := b[:i]
	for i < len(b) {
		if b[i] != 0x1b {
			out = append(out, b[i])
			i++
			continue
		}
		i++
		if i < len(b) && b[i] == '[' {
			for i++; i < len(b) && (b[i] < 0x40 || b[i] > 0x7e); i++ {
			}
			i++ // the letter that ends it
		}
	}
	return out
}

// quote makes a line fit to be shown: valid text, no control characters, not
// long.
func quote(line []byte) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(bytes.TrimSpace(line)), "?"))
	if len(text) > maxQuote {
		text = strings.ToValidUTF8(text[:maxQuote], "") + "…"
	}
	return text
}
