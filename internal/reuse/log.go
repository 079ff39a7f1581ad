package reuse

import (
	"bytes"
	"context"
	"io"
)

// Many tools print where they found their settings, so logs hold the path of the workspace although no
// output does. In a log that is kept, marks stand for the paths of this machine: others may have it, and
// see their own paths there.
const (
	workspaceMark = "\x00workspace\x00"
	homeMark      = "\x00home\x00"
)

// Log writes what the task printed when it ran. The error is a *cache.Miss, or about writing.
func (r *Results) Log(ctx context.Context, h *Hit, to io.Writer) error {
	s := r.shownLog(to)
	if err := r.cache.Log(ctx, h.entry, s); err != nil {
		return err
	}
	return s.flush(0)
}

// shownLog writes a log that was kept as it would be here.
func (r *Results) shownLog(to io.Writer) *swapper {
	return &swapper{to: to, pairs: r.marks(func(path, mark string) pair { return pair{[]byte(mark), []byte(path)} })}
}

// markedLog is a log as it is kept.
func (r *Results) markedLog(log io.Reader) io.Reader {
	m := &marked{from: log}
	m.swapper = swapper{to: &m.ready, pairs: r.marks(func(path, mark string) pair { return pair{[]byte(path), []byte(mark)} })}
	return m
}

// marks are the paths with their marks. The workspace is first, as it may be in the home folder.
func (r *Results) marks(of func(path, mark string) pair) []pair {
	pairs := []pair{of(r.root, workspaceMark)}
	if len(r.home) > 1 {
		pairs = append(pairs, of(r.home, homeMark))
	}
	return pairs
}

// pair is a text, and what stands in its place.
type pair struct{ text, instead []byte }

// swapper is a writer that replaces texts, also those that come in pieces. At the end, flush what it holds.
type swapper struct {
	to    io.Writer
	pairs []pair // of several that begin at one place, the first counts
	held  []byte
}

func (s *swapper) Write(p []byte) (int, error) {
	s.held = append(s.held, p...)
	longest := 1
	for _, pair := range s.pairs {
		longest = max(longest, len(pair.text))
	}
	return len(p), s.flush(longest - 1)
}

// flush writes all but the last bytes, in which a text may have begun.
func (s *swapper) flush(but int) error {
	end, rest := len(s.held)-but, s.held
	for end > 0 {
		at, found := s.find(rest, end)
		if _, err := s.to.Write(rest[:at]); err != nil {
			return err
		}
		if found != nil {
			if _, err := s.to.Write(found.instead); err != nil {
				return err
			}
			at += len(found.text)
		}
		rest, end = rest[at:], end-at
	}
	s.held = append(s.held[:0], rest...)
	return nil
}

// find returns the first text that begins before end, or end.
func (s *swapper) find(in []byte, end int) (at int, found *pair) {
	at = end
	for i := range s.pairs {
		if j := bytes.Index(in, s.pairs[i].text); j >= 0 && j < at {
			at, found = j, &s.pairs[i]
		}
	}
	return at, found
}

// marked is a reader that replaces texts.
type marked struct {
	swapper
	from  io.Reader
	ready bytes.Buffer
	err   error
}

func (m *marked) Read(p []byte) (int, error) {
	for m.ready.Len() == 0 && m.err == nil {
		var n int
		n, m.err = m.from.Read(p)
		_, _ = m.Write(p[:n]) // a buffer takes all
		if m.err != nil {
			_ = m.flush(0)
		}
	}
	if m.ready.Len() > 0 {
		return m.ready.Read(p)
	}
	return 0, m.err
}
