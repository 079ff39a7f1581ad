package testkit

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// VT is a terminal, as far as logs and footers need one. Like the least of them it forgets at
// any movement of the cursor that a line is full, and what it saved once that was restored.
type VT struct {
	width, height int
	scrolled      []string   // the rows that have left at the top
	rows          [][]string // a cell each; the second one of a wide character is empty
	x, y          int
	full          bool // the next character begins a new row
	saved         [][2]int
	rest          []byte // a sequence or a character that is not complete
	// Unknown are the sequences that it does not know.
	Unknown []string
}

// NewVT returns a terminal of that size, which is empty.
func NewVT(width, height int) *VT {
	t := &VT{width: width, height: height}
	for range height {
		t.rows = append(t.rows, nil)
	}
	return t
}

// Write shows a text, whose line ends are "\n" or "\r\n".
func (t *VT) Write(p []byte) (int, error) {
	t.rest = append(t.rest, p...)
	for len(t.rest) > 0 {
		n := t.next()
		if n == 0 {
			break
		}
		t.rest = t.rest[n:]
	}
	return len(p), nil
}

// next takes the next character or sequence, and returns its length; 0 if it is not complete.
func (t *VT) next() int {
	switch b := t.rest[0]; {
	case b == '\x1b':
		return t.escape()
	case b == '\n':
		t.x, t.full = 0, false // as terminals are set
		t.lineFeed()
	case b == '\r':
		t.x, t.full = 0, false
	case b == '\b':
		t.x, t.full = max(0, t.x-1), false
	case b == '\t':
		t.x = min((t.x/8+1)*8, t.width-1)
	case b == '\a':
	case b < ' ':
		t.Unknown = append(t.Unknown, strconv.QuoteRune(rune(b)))
	default:
		if !utf8.FullRune(t.rest) {
			return 0
		}
		r, n := utf8.DecodeRune(t.rest)
		t.put(r)
		return n
	}
	return 1
}

func (t *VT) escape() int {
	if len(t.rest) < 2 {
		return 0
	}
	switch t.rest[1] {
	case '7':
		t.saved = append(t.saved, [2]int{t.x, t.y})
	case '8':
		t.x, t.y, t.full = 0, 0, false
		if last := len(t.saved) - 1; last >= 0 {
			t.x, t.y = t.saved[last][0], t.saved[last][1]
			t.saved = t.saved[:last]
		}
	case 'D':
		t.full = false
		t.lineFeed()
	case '[':
		for i, b := range t.rest[2:] {
			if b >= '@' {
				t.command(string(t.rest[2:2+i]), b)
				return i + 3
			}
		}
		return 0
	default:
		t.Unknown = append(t.Unknown, strconv.Quote(string(t.rest[:2])))
	}
	return 2
}

func (t *VT) command(parameters string, name byte) {
	n, _ := strconv.Atoi(parameters)
	switch {
	case name == 'm':
	case name == 'A':
		t.y, t.full = max(0, t.y-max(n, 1)), false
	case name == 'B':
		t.y, t.full = min(t.height-1, t.y+max(n, 1)), false
	case name == 'K' && n == 0:
		t.rows[t.y] = t.rows[t.y][:min(t.x, len(t.rows[t.y]))]
	case name == 'J' && n == 0:
		t.rows[t.y] = t.rows[t.y][:min(t.x, len(t.rows[t.y]))]
		clear(t.rows[t.y+1:])
	default:
		t.Unknown = append(t.Unknown, strconv.Quote("\x1b["+parameters+string(name)))
	}
}

func (t *VT) lineFeed() {
	if t.y++; t.y == t.height {
		t.y--
		t.scrolled = append(t.scrolled, rowText(t.rows[0]))
		t.rows = append(t.rows[1:], nil)
	}
}

func (t *VT) put(r rune) {
	w := uniseg.StringWidth(string(r))
	row := &t.rows[t.y]
	if w == 0 {
		if at := min(t.x, len(*row)) - 1; at >= 0 {
			(*row)[at] += string(r)
		}
		return
	}
	if t.full || t.x+w > t.width {
		t.x, t.full = 0, false
		t.lineFeed()
		row = &t.rows[t.y]
	}
	for len(*row) < t.x+w {
		*row = append(*row, " ")
	}
	(*row)[t.x] = string(r)
	if w == 2 {
		(*row)[t.x+1] = ""
	}
	if t.x += w; t.x >= t.width {
		t.x, t.full = t.width-1, true
	}
}

func rowText(row []string) string { return strings.TrimRight(strings.Join(row, ""), " ") }

// Screen returns the rows that are seen.
func (t *VT) Screen() []string {
	var rows []string
	for _, row := range t.rows {
		rows = append(rows, rowText(row))
	}
	return rows
}

// All returns the rows that have been seen and those that are, without the empty ones at the end.
func (t *VT) All() string {
	return strings.TrimRight(strings.Join(append(append([]string(nil), t.scrolled...), t.Screen()...), "\n"), "\n")
}
