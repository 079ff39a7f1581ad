// Package diagnostics recognizes in the output of a program that it found errors in
// code: those of tsc and eslint, and of tools that report like them. A program that says
// so has failed because of the code, and would fail again.
package diagnostics

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
)

// longestLine bounds what is read of a line.
const longestLine = 4 << 10

// escape is a terminal sequence that sets a colour, or anything else that ends in a letter, or
// that begins or ends a link.
var escape = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)")

// errorForms are the lines of errors in code.
var errorForms = regexp.MustCompile(`(?:^|[\s:])error TS\d+: ` + // tsc, vue-tsc, ts-jest
	`|^\s+\d+:\d+\s+error\s+\S` + // eslint, stylelint
	`|^✖ \d+ problems? \([1-9]\d* errors?, ` + // the end of that
	`|:\d+:\d+: .*\[Error/[^\]]+\]$` + // eslint -f unix
	`|: line \d+, col \d+, Error - ` + // eslint -f compact
	`|^Found \d+ warnings? and [1-9]\d* errors?\.`) // oxlint

// in reports whether a text has a line that reports an error in code. An error is the
// reader's.
func in(text io.Reader) (bool, error) {
	lines := bufio.NewReaderSize(text, longestLine)
	for rest := false; ; {
		line, err := lines.ReadSlice('\n')
		if !rest && bytes.Contains(line, []byte("rror")) && errorForms.Match(plain(line)) {
			return true, nil
		}
		switch rest = errors.Is(err, bufio.ErrBufferFull); {
		case rest || err == nil:
		case errors.Is(err, io.EOF):
			return false, nil
		default:
			return false, err
		}
	}
}

// plain is a line without its end and without colours.
func plain(line []byte) []byte { return bytes.TrimRight(escape.ReplaceAll(line, nil), "\r\n") }

// searched is how much of the end of a text AtEnd searches.
const searched = 4 << 20

// AtEnd reports whether the last 4 MB of a text of the given size have a line that
// reports an error in code. What cannot be read has no
// errors.
func AtEnd(text io.ReaderAt, size int64) bool {
	from := max(0, size-searched)
	found, _ := in(io.NewSectionReader(text, from, size-from))
	return found
}
