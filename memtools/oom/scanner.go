package oom

import (
	"bytes"
	"strings"

	"github.com/heapmage/heapmage/memtools"
)

// Bounds of a Scanner. A text is recognised at the start of its line, so the rest of
// a long line is skipped.
const (
	maxLine    = 1024 // bytes of a line that are read
	maxPrefix  = 160  // bytes that a runner may put in front of each line
	maxQuote   = 200  // bytes of a quoted line
	maxPending = 4    // texts that wait for their stack trace at the same time
	window     = 60   // lines within which a text and its stack trace belong together
	traceLines = 200  // lines of a Go trace that are searched for the program's name
	nearEnd    = 40   // lines from the end within which a weak text still counts
)

// Scanner searches a stream of output for the fatal texts that Diagnose knows. It is
// an io.Writer that never fails. Writes may split the texts in any way, and the
// stream may have any size, as a Scanner holds only the start of one line and what
// it found. The zero value is ready to use.
//
// It is not safe for concurrent use. os/exec needs no lock if Stdout and Stderr are the
// same writer. If they are read concurrently, put one Scanner behind a lock: lines of
// both belong together.
type Scanner struct {
	buf     [maxLine]byte
	n       int
	started bool // anything was written
	open    bool // the current line has content, read or skipped

	found   Findings
	pending [maxPending]candidate
	next    int // the slot of pending that is used next

	// Lines before some texts that make them certain.
	collection, traceback, jvmStart, goUse note
	deathPrefix                            string
}

// Findings is what a Scanner found, for Evidence.Seen. The zero value means no
// output.
type Findings struct {
	seen  bool
	lines int
	// death is the last text that is certain. abort is V8's text without a trace; it
	// counts only if the process also aborted.
	death, abort finding
	// weak is a text that warnings contain too. killed reports that a process further
	// down was killed. missing names a command that was not found.
	weak, killed, missing finding
	// aborted reports that a process further down aborted. wentOn is set by a line behind
	// death that belongs to neither its trace nor such a report.
	aborted finding
	wentOn  bool
}

// finding is one text in the output.
type finding struct {
	cause  Cause
	detail string
	line   string
	used   memtools.Bytes
	at     int // the number of the line, from 1
	// soft is set for a text of V8 that may mean its heap limit or memory that the
	// system refused, and for esbuild's note that its process ended.
	soft bool
	// aborts is set for a text with which V8 aborts its whole process.
	aborts bool
}

// candidate is a finding that a later line makes certain.
type candidate struct {
	finding
	prefix string
	proof  func(rest []byte) bool
	until  int
}

// note is an earlier line that a text refers back to.
type note struct {
	prefix string
	value  memtools.Bytes
	at     int
}

// before reports whether the note is at most so many lines before line at, with the
// same prefix.
func (n note) before(at, lines int, prefix string) bool {
	return n.at > 0 && at-n.at <= lines && n.prefix == prefix
}

// Write scans p. It returns len(p) and no error.
func (s *Scanner) Write(p []byte) (int, error) {
	n := len(p)
	s.started = s.started || n > 0
	for len(p) > 0 {
		// A carriage return ends a line too: progress bars overwrite themselves.
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

// Findings returns what was found so far, including the unfinished line. Writing can
// go on afterwards.
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
		return // blank lines mean nothing: wrappers drop or add them
	}
	s.open = false
	s.found.lines++
	s.confirm(line)
	s.match(line)
	s.follow(line)
}

// confirm checks whether the line makes an earlier text certain.
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

// die records a text that is certain. The last one counts, as the process survived
// earlier ones.
func (s *Scanner) die(f finding, prefix string) {
	s.found.death, s.deathPrefix = f, prefix
	s.found.wentOn = false
}

// await records a text that becomes certain if proof accepts a line below it.
func (s *Scanner) await(f finding, prefix string, proof func([]byte) bool) {
	s.pending[s.next] = candidate{f, prefix, proof, s.found.lines + window}
	s.next = (s.next + 1) % maxPending
}

// prefixed reports whether p is empty or what a runner puts in front of each line of
// its child ("web:build: ", "[0] ", "app build | "). A text that is indented, quoted
// or listed is only mentioned.
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

// quote makes a line fit for display: valid UTF-8, no control characters, and not
// too long.
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
