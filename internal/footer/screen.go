package footer

import (
	"bytes"
	"io"
	"strconv"
)

// The sequences with which a footer is drawn. All are of the VT100, so that every terminal and
// multiplexer knows them, and none changes a mode of the terminal: a process that is killed
// leaves nothing to undo. The cursor stays in the log, above the footer: what others write to
// the terminal meanwhile (the echo of ^C, mage's own lines) belongs to the log as well, and
// erasing what is below the cursor removes the footer in whichever way a terminal that was
// resized has wrapped it.
const (
	save       = "\x1b7" // cursor and colours
	restore    = "\x1b8" // as often as they were saved: some terminals have a stack
	downScroll = "\x1bD" // in the same column
	plainText  = "\x1b[m"
	eraseRight = "\x1b[K"
)

// EraseBelow erases what is below the cursor and right of it: all of a footer, also if the process
// that drew it was killed.
const EraseBelow = "\x1b[J"

// Screen is a terminal on which some lines stand under a log. Only one goroutine may use it.
type Screen struct {
	// Standing, if it is not nil, is called with true before lines stand there, and with false once
	// none do.
	Standing func(on bool)

	out    io.Writer
	width  func() int // of the terminal
	buf    bytes.Buffer
	filter filter
	shown  []string // the lines that stand there now, nil if none do
	stands bool     // what Standing was told
}

// NewScreen returns a screen of a terminal, and of a width that it may be asked for at any time.
func NewScreen(out io.Writer, width func() int) *Screen { return &Screen{out: out, width: width} }

// mostBuffered is from where what is written is passed on at once.
const mostBuffered = 64 << 10

// Write writes a part of the log, without what would break the footer. It is passed on with the
// next lines at the latest.
func (s *Screen) Write(p []byte) (int, error) {
	s.erase()
	s.filter.add(&s.buf, p)
	if s.buf.Len() < mostBuffered {
		return len(p), nil
	}
	return len(p), s.flush()
}

// Show has these lines stand under the log, and no others. They must be fewer than the terminal
// has, and none wider than it: the last one for certain.
func (s *Screen) Show(lines []string) error {
	if s.filter.cells >= s.width() { // the cursor may stand behind the last column
		lines = nil
	}
	if len(lines) == 0 {
		s.erase()
		err := s.flush()
		s.tell(false)
		return err
	}
	s.tell(true)
	n := strconv.Itoa(len(lines))
	for range lines {
		s.buf.WriteString(downScroll)
	}
	s.buf.WriteString("\x1b[" + n + "A" + save + plainText)
	if !s.filter.behind {
		s.buf.WriteString(eraseRight) // after an Enter the cursor is in the old footer
	}
	for i, line := range lines {
		// Not from line to line: one that is wider than it should be must move no other.
		s.buf.WriteString(restore + save + "\x1b[" + strconv.Itoa(i+1) + "B\r" + plainText + line + eraseRight)
	}
	s.buf.WriteString(EraseBelow + restore)
	s.shown = lines
	return s.flush()
}

func (s *Screen) tell(on bool) {
	if s.Standing != nil && on != s.stands {
		s.stands = on
		s.Standing(on)
	}
}

// erase removes the lines that stand under the log.
func (s *Screen) erase() {
	if s.shown == nil {
		return
	}
	s.shown = nil
	s.buf.WriteString(save + plainText)
	if s.filter.behind {
		s.buf.WriteString("\x1b[B\r")
	}
	s.buf.WriteString(EraseBelow + restore)
}

func (s *Screen) flush() error {
	if s.buf.Len() == 0 {
		return nil
	}
	_, err := s.out.Write(s.buf.Bytes())
	s.buf.Reset()
	return err
}
