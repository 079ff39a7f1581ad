package footer

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// filter keeps back what is no text of a log and no colour: a program that believes to have the
// terminal for itself moves the cursor, clears the screen or sets modes. What is left moves the
// cursor in its line only. The zero value is at the beginning of a log.
type filter struct {
	state    filterState
	sequence []byte // so far, after ESC [
	partial  []byte // a character whose end has yet to come: nothing may come between
	cut      bool   // what was passed on last is the beginning of a character
	// cells is at least how many columns the last line takes up to the cursor, and behind is set
	// if it may have more text there.
	cells  int
	behind bool
}

type filterState int

const (
	inText       filterState = iota
	afterEscape              // ESC
	afterSign                // ESC and a sign, as in ESC ( B
	afterBracket             // ESC [
	inString                 // such as a title of the window, up to BEL or ESC \
)

// longestSequence is more than a colour takes, in bytes.
const longestSequence = 64

// add appends to dst what may be printed of a text that comes in pieces.
func (f *filter) add(dst *bytes.Buffer, p []byte) {
	if len(f.partial) > 0 {
		p = append(f.partial, p...)
	}
	whole := len(p) - partialRune(p)
	p, f.partial = p[:whole], append([]byte(nil), p[whole:]...)
	for len(p) > 0 {
		n := 0
		if f.state == inText {
			n = textIn(p)
		}
		switch {
		case n > 0 && f.cut && !utf8.RuneStart(p[0]):
			// What stood between is dropped. Without this byte as well the two would become a
			// character, unless a footer is drawn between them.
			n = 1
		case n > 0:
			dst.Write(p[:n])
			f.cells += n
			f.cut = partialRune(p[:n]) > 0
		case f.state == inText && p[0] == c1:
			n = 2
		default:
			before := dst.Len()
			f.one(dst, p[0])
			f.cut = f.cut && dst.Len() == before
			n = 1
		}
		p = p[n:]
	}
}

// partialRune is the length of a character at the end of p that is not complete.
func partialRune(p []byte) int {
	for n := 1; n <= min(len(p), utf8.UTFMax-1); n++ {
		if last := p[len(p)-n:]; utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}

// c1 begins, in UTF-8, the control characters beyond ASCII.
const c1 = 0xc2

// textIn is how many bytes at the beginning of p are text, of which none takes more than a column.
func textIn(p []byte) int {
	for i := 0; i < len(p); {
		switch b := p[i]; {
		case b < ' ' || b == 0x7f:
			return i
		case b < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(p[i:])
			if r < 0xa0 || r == utf8.RuneError && size == 1 && b < 0xa0 { // the same in the oldest encodings
				return i
			}
			i += size
		}
	}
	return len(p)
}

// one takes one byte. In text it is one that begins something.
func (f *filter) one(dst *bytes.Buffer, b byte) {
	if b == '\n' { // nor does a sequence that was cut take the next line
		f.state, f.cells, f.behind = inText, 0, false
		dst.WriteByte(b)
		return
	}
	state := f.state
	f.state = inText
	switch b {
	case '\x1b': // begins anew, or ends a string with what comes next
		f.state = afterEscape
		return
	case 0x18, 0x1a: // ends whatever it is in
		return
	}
	switch state {
	case inText:
		f.control(dst, b)
	case afterEscape, afterSign:
		switch {
		case b >= ' ' && b < '0':
			f.state = afterSign
		case state == afterSign:
		case b == '[':
			f.state, f.sequence = afterBracket, append(f.sequence[:0], "\x1b["...)
		case strings.IndexByte("]P^_X", b) >= 0:
			f.state = inString
		}
	case afterBracket:
		f.sequence = append(f.sequence, b)
		switch {
		case b >= ' ' && b < '@' && len(f.sequence) < longestSequence:
			f.state = afterBracket
		case b == 'K' || colour(f.sequence): // to erase in the line
			dst.Write(f.sequence)
		}
	case inString:
		if b != '\a' {
			f.state = inString
		}
	}
}

// control takes a control character in text.
func (f *filter) control(dst *bytes.Buffer, b byte) {
	switch b {
	case '\r':
		f.behind = f.behind || f.cells > 0
		f.cells = 0
		dst.WriteByte(b)
	case '\b':
		f.behind = true
		dst.WriteByte(b)
	case '\t':
		f.cells += 8
		dst.WriteByte(b)
	case '\a':
		dst.WriteByte(b)
	}
}

// colour reports whether a sequence sets colours. With other signs between, it sets modes of the
// keyboard.
func colour(sequence []byte) bool {
	return sequence[len(sequence)-1] == 'm' && !bytes.ContainsAny(sequence, "<=>? !\"#$%&'()*+,-./")
}
