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
// characters, and bytes that are not UTF-8. It also escapes the bracket of "##[", "##vso[" and
// "##teamcity[", which GitHub Actions, Azure and TeamCity take for a command wherever it stands.
// All else stays, spaces and emoji included.
func Text(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch n := command(s); {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + hex(s[0]))
		case n > 0:
			b.WriteString(s[:n-1] + `\x5b`)
			size = n
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

// Name is Text for a name that may stand at the start of a line. There GitHub Actions takes "::"
// for a command, and Buildkite "---" and its like for a header, so these are escaped too.
func Name(s string) string {
	s = strings.ReplaceAll(Text(s), "::", `\x3a\x3a`)
	switch first, _, _ := strings.Cut(s, " "); first {
	case "---", "+++", "~~~", "^^^":
		s = `\x` + hex(s[0]) + s[1:]
	}
	return s
}

// command is the length of the beginning of a command at the start of s, up to its bracket: "##["
// or with a word in it, such as "##vso[". It is 0 if there is none.
func command[T string | []byte](s T) int {
	if len(s) < 3 || s[0] != '#' || s[1] != '#' {
		return 0
	}
	n := 2
	for n < len(s) && 'a' <= s[n] && s[n] <= 'z' {
		n++
	}
	if n == len(s) || s[n] != '[' {
		return 0
	}
	return n + 1
}

func hex(b byte) string { return string([]byte{digits[b>>4], digits[b&15]}) }

const digits = "0123456789abcdef"

// plain reports whether Text has nothing to do, as for nearly every text.
func plain(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError || r < ' ' || r >= 0x7f && !unicode.IsGraphic(r) || r == '#' && command(s[i:]) > 0 {
			return false
		}
	}
	return true
}
