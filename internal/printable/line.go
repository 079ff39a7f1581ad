package printable

import (
	"bytes"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// AppendLine appends one line of a program's output, given without its end, to dst. Colours,
// tabs and bytes that are no UTF-8 stay. What would move the cursor, give the terminal another
// command or turn the direction of text is escaped as Text does, and so is the bracket of "##[" and
// its like.
func AppendLine(dst, line []byte) []byte {
	for len(line) > 0 {
		if n := harmless(line); n > 0 {
			dst = append(dst, line[:n]...)
			line = line[n:]
			continue
		}
		if n := colour(line); n > 0 {
			dst = append(dst, line[:n]...)
			line = line[n:]
			continue
		}
		r, size := utf8.DecodeRune(line)
		switch n := command(line); {
		case r == utf8.RuneError && size == 1 && line[0] < 0xa0: // in the oldest encodings a control character
			dst = append(dst, '\\', 'x', digits[line[0]>>4], digits[line[0]&15])
		case n > 0:
			dst = append(append(dst, line[:n-1]...), `\x5b`...)
			size = n
		case r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)):
			quoted := strconv.QuoteRuneToASCII(r)
			dst = append(dst, quoted[1:len(quoted)-1]...)
		default:
			dst = append(dst, line[:size]...)
		}
		line = line[size:]
	}
	return dst
}

// harmless is how many bytes at the beginning of a line are letters and signs of ASCII, as
// nearly all are.
func harmless(line []byte) int {
	for i, b := range line {
		if b < ' ' && b != '\t' || b >= 0x7f || b == '#' && command(line[i:]) > 0 {
			return i
		}
	}
	return len(line)
}

// colour is the length of the terminal sequence at the beginning of a line if it sets a
// colour, or else 0.
func colour(line []byte) int {
	if !bytes.HasPrefix(line, []byte("\x1b[")) {
		return 0
	}
	for i, b := range line[2:] {
		switch {
		case b == 'm':
			return i + 3
		case b != ';' && b != ':' && (b < '0' || b > '9'):
			return 0
		}
	}
	return 0
}
