package summary

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/heapmage/heapmage/internal/lazyregexp"
	"github.com/heapmage/heapmage/internal/printable"
)

// Code shows a name. Nothing in it is a link, a mention, markup or a column of a table.
func Code(name string) string {
	name = short(name)
	if strings.TrimSpace(name) == name && name != "" && !strings.ContainsFunc(name, special) {
		return "`" + name + "`"
	}
	return "<code>" + entities(name, func(r rune) bool { return r == ' ' || r == '-' || r == '/' }) + "</code>"
}

// special are the characters that backquotes do not make harmless, or may not. Few names have one.
func special(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune(" @/._#:+=,()-", r)
}

// prose shows a sentence, which may have names in it. It does not stand at the start of a line,
// where a dash begins a list.
func prose(sentence string) string {
	sentence = entities(strings.TrimSpace(short(sentence)), func(r rune) bool { return strings.ContainsRune(" -/.,;:()'\"%=?+", r) })
	return links().ReplaceAllStringFunc(sentence, func(link string) string {
		end := len(link) - 1
		return fmt.Sprintf("%s&#%d;", link[:end], link[end])
	})
}

// links are the beginnings of what GitHub makes a link of.
var links = lazyregexp.New(`(?i)(?:www\.|https?:|ftp:|mailto:|xmpp:)`)

// entities writes all but letters, digits and what stays as character references, which never mean
// anything in Markdown or HTML.
func entities(text string, stays func(rune) bool) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r > 0x7f || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || stays(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}

// The bounds of what a record can add.
const (
	longest   = 300 // bytes of a text
	mostLines = 6   // of an excerpt
)

// short makes a text safe to print, and cuts a very long one.
func short(text string) string {
	text = printable.Text(text)
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}

// block shows lines as they are.
func block(lines []string) string {
	fence := "```"
	lines = slices.Clone(lines[:min(mostLines, len(lines))])
	for i := range lines {
		lines[i] = short(lines[i])
		for strings.Contains(lines[i], fence) {
			fence += "`"
		}
	}
	var b strings.Builder
	b.WriteString(fence + "text\n")
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	b.WriteString(fence + "\n")
	return b.String()
}
