package problem

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Mistake is what is wrong at a place in the text of a file. The parser of the
// text makes it; who read the file makes an [Error] of it, with the file's name
// and a hint.
type Mistake struct {
	// Line and Column count from 1, columns in characters. Zero means unknown.
	Line, Column int
	// What tells what is wrong, as in Error.
	What string
}

// In returns the place of the mistake in a file as compilers write it:
// "file:line:column", without the parts that are unknown.
func (m *Mistake) In(file string) string {
	if m.Line == 0 {
		return file
	}
	if m.Column == 0 {
		return fmt.Sprintf("%s:%d", file, m.Line)
	}
	return fmt.Sprintf("%s:%d:%d", file, m.Line, m.Column)
}

// MistakeAt returns a mistake at an offset in a text, in bytes from 0. An offset
// outside of the text means its nearest end.
func MistakeAt(text []byte, offset int, what string) *Mistake {
	before := text[:min(max(offset, 0), len(text))]
	return &Mistake{
		Line:   1 + bytes.Count(before, []byte("\n")),
		Column: 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]),
		What:   what,
	}
}
