// Package printable makes text safe to print. Names of packages, folders and
// scripts come from files that anyone may have written: a control character in one
// must not clear the terminal, forge a line of the log or give a command to the CI
// system that reads it.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text escapes, as Go does in quotes, what is not shown as itself: control
// characters, line ends and tabs, marks that change the direction of text, invisible
// characters, and bytes that are not UTF-8. It also escapes "##[", which GitHub Actions
// takes for a command wherever it stands. All else stays, spaces and emoji included.
func Text(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + hex(s[0]))
		case strings.HasPrefix(s, command):
			b.WriteString(`##\x5b`)
			size = len(command)
		case unicode.IsGraphic(r):
			b.WriteString(s[:size])
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	return b.String()
}

// Name is Text for a name that may stand at the start of a line. There GitHub Actions
// takes "::" for a command, so that is escaped too.
func Name(s string) string {
	return strings.ReplaceAll(Text(s), "::", `\x3a\x3a`)
}

// command starts a command of GitHub Actions in its first form.
const command = "##["

func hex(b byte) string { return string([]byte{digits[b>>4], digits[b&15]}) }

const digits = "0123456789abcdef"

// plain reports whether Text has nothing to do, as for nearly every text.
func plain(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || r < ' ' || r >= 0x7f && !unicode.IsGraphic(r) {
			return false
		}
	}
	return !strings.Contains(s, command)
}
