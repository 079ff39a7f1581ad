// Package textswap replaces texts in streams, also those that come in pieces.
package textswap

import (
	"bytes"
	"io"
)

// Pair is a text, which is not empty, and what stands in its place.
type Pair struct{ Text, Instead []byte }

// Writer is a writer that replaces texts. At the end, Flush what it holds.
type Writer struct {
	// To gets what is written, with the texts replaced.
	To io.Writer
	// Pairs are the texts. Of several that begin at one place, the first counts.
	Pairs []Pair

	held []byte
}

// Write keeps back the last bytes, in which a text may have begun. An error is that of To.
func (s *Writer) Write(p []byte) (int, error) {
	s.held = append(s.held, p...)
	longest := 1
	for _, pair := range s.Pairs {
		longest = max(longest, len(pair.Text))
	}
	return len(p), s.flush(longest - 1)
}

// flush writes all but the last bytes, in which a text may have begun.
func (s *Writer) flush(but int) error {
	end, rest := len(s.held)-but, s.held
	for end > 0 {
		at, found := s.find(rest, end)
		if _, err := s.To.Write(rest[:at]); err != nil {
			return err
		}
		if found != nil {
			if _, err := s.To.Write(found.Instead); err != nil {
				return err
			}
			at += len(found.Text)
		}
		rest, end = rest[at:], end-at
	}
	s.held = append(s.held[:0], rest...)
	return nil
}

// find returns the first text that begins before end, or end.
func (s *Writer) find(in []byte, end int) (at int, found *Pair) {
	at = end
	for i := range s.Pairs {
		if j := bytes.Index(in, s.Pairs[i].Text); j >= 0 && j < at {
			at, found = j, &s.Pairs[i]
		}
	}
	return at, found
}

// Flush writes what is left at the end.
func (s *Writer) Flush() error { return s.flush(0) }

// NewReader returns a reader that replaces texts in what it reads. Of several that begin at one place, the
// first counts.
func NewReader(from io.Reader, pairs []Pair) io.Reader {
	r := &reader{from: from}
	r.Writer = Writer{To: &r.ready, Pairs: pairs}
	return r
}

type reader struct {
	Writer

	from  io.Reader
	ready bytes.Buffer
	err   error
}

func (m *reader) Read(p []byte) (int, error) {
	for m.ready.Len() == 0 && m.err == nil {
		var n int
		n, m.err = m.from.Read(p)
		_, _ = m.Write(p[:n]) // a buffer takes all
		if m.err != nil {
			_ = m.Flush()
		}
	}
	if m.ready.Len() > 0 {
		return m.ready.Read(p)
	}
	return 0, m.err
}
