package selection

import (
	"strings"

	"github.com/heapmage/heapmage/internal/problem"
)

// filter is one part of a text, such as "!...^web{./apps/*}[main]".
type filter struct {
	text  string // as it was written
	where string // the flag with that, for messages

	leavesOut    bool // "!x": what it means is left out
	dependents   bool // "...x": with what depends on it
	dependencies bool // "x...": with what it depends on
	others       bool // "...^x", "x^...": without itself

	name    string // a name, a folder, a glob, "//" or "."; empty means any
	folder  string // of "./x" or "{x}", relative to where the user is; empty means any
	span    Range  // the zero value means any, changed or not
	orBelow bool   // "x...[a]": changed itself, or something that it depends on
}

// understood is the hint for what is not.
const understood = "write NAME, FOLDER, GLOB, {FOLDER}, [COMMIT] or [A...B], after ! to leave it out, with ... before it to add what depends on it, or after it to add what it depends on, and with ^ for these alone: 'web...', '...^core', '!./apps/*'"

// split splits a text at commas outside of braces and brackets.
func split(text string) []string {
	var parts []string
	depth, start := 0, 0
	for i, c := range text {
		switch {
		case strings.ContainsRune("{[", c):
			depth++
		case strings.ContainsRune("}]", c) && depth > 0:
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	return append(parts, strings.TrimSpace(text[start:]))
}

// parse reads a filter. called reports whether a package is called just so: then it is that,
// whatever its name looks like. The error lacks its place.
func parse(text string, called func(string) bool) (filter, *problem.Error) {
	f := filter{text: text}
	if text == "" {
		return f, &problem.Error{What: "names no package", Hint: "write NAME, or leave the flag out"}
	}
	rest := text
	if !called(rest) {
		rest, f.leavesOut = strings.CutPrefix(rest, "!")
	}
	if !called(rest) {
		rest, f.dependencies = strings.CutSuffix(rest, "...")
		if f.dependencies && !called(rest) {
			rest, f.others = strings.CutSuffix(rest, "^")
		}
	}
	if !called(rest) {
		rest, f.dependents = strings.CutPrefix(rest, "...")
		if f.dependents && !called(rest) {
			var others bool
			rest, others = strings.CutPrefix(rest, "^")
			f.others = f.others || others
		}
	}
	if what := f.base(rest, called); what != "" {
		return f, &problem.Error{What: what, Hint: understood}
	}
	return f, nil
}

// base reads what is between the dots: a name, a folder and a range, each if it is there. It
// returns what is wrong, if anything is.
func (f *filter) base(text string, called func(string) bool) (wrong string) {
	if text == "" {
		return "it names no package, folder or commit"
	}
	rest := text
	if !called(rest) {
		if rest, wrong = f.cutRange(rest); wrong != "" {
			return wrong
		}
		if f.span != (Range{}) && !called(rest) {
			rest, f.orBelow = strings.CutSuffix(rest, "...")
			if f.orBelow && rest == "" {
				return "before ...[ there is no package that may depend on what has changed"
			}
		}
	}
	if !called(rest) {
		if rest, wrong = f.cutFolder(rest); wrong != "" {
			return wrong
		}
	}
	if !called(rest) {
		if wrong = oddName(rest, f.folder != "" || f.span != Range{}); wrong != "" {
			return wrong
		}
		if isLocation(rest) {
			if f.folder != "" {
				return "there are two folders"
			}
			f.folder, rest = rest, ""
		}
	}
	f.name = rest
	return ""
}

// cutRange cuts off "[a]" or "[a...b]" at the end.
func (f *filter) cutRange(text string) (rest, wrong string) {
	inner, is := strings.CutSuffix(text, "]")
	at := strings.LastIndexByte(inner, '[')
	if !is || at < 0 || inner[:at] != rootName && strings.HasSuffix(inner[:at], "/") { // "packages/[ab]" is a glob
		return text, ""
	}
	var two bool
	f.span.From, f.span.To, two = strings.Cut(inner[at+1:], "...")
	switch {
	case f.span.From == "" && !two:
		return "", "there is no commit in the brackets"
	case f.span.From == "" || two && f.span.To == "":
		return "", "three dots stand between two commits: [A...B]"
	case strings.Contains(f.span.From+"/"+f.span.To, ".."):
		return "", "three dots stand between two commits, not two: [A...B]"
	}
	return inner[:at], ""
}

// cutFolder cuts off "{folder}" at the end. Braces with a comma are a part of a glob.
func (f *filter) cutFolder(text string) (rest, wrong string) {
	if !strings.HasSuffix(text, "}") {
		return text, ""
	}
	at, depth := len(text)-1, 1
	comma := false
	for depth > 0 {
		if at--; at < 0 {
			return "", "a brace is not opened"
		}
		switch text[at] {
		case '}':
			depth++
		case '{':
			depth--
		case ',':
			comma = comma || depth == 1
		}
	}
	if comma {
		return text, ""
	}
	if f.folder = strings.TrimSpace(text[at+1 : len(text)-1]); f.folder == "" {
		return "", "there is no folder in the braces"
	}
	return text[:at], ""
}

// isLocation reports whether a text is a folder relative to where the user is. "." is the root.
func isLocation(text string) bool {
	return text == ".." || strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../")
}

// oddName tells what is wrong with a name or glob. more tells that braces or brackets follow it.
func oddName(text string, more bool) string {
	switch {
	case strings.Contains(text, "…"):
		return "an ellipsis is three dots, not one character"
	case strings.HasPrefix(text, "!"):
		return "an exclamation mark stands at the start, once"
	case strings.HasPrefix(text, "^"), strings.HasSuffix(text, "^"):
		return "^ stands between the dots and a package: x^... or ...^x"
	case strings.Contains(text, "..."):
		return "three dots stand at the start or at the end"
	case strings.HasSuffix(text, "..") && text != ".." && !strings.HasSuffix(text, "/.."),
		strings.HasPrefix(text, "..") && text != ".." && !strings.HasPrefix(text, "../"):
		return "there are two dots, not three"
	case more && strings.ContainsRune(text, '['):
		return "the commit stands behind the folder, and there is one of each"
	case unbalanced(text, '{', '}'), unbalanced(text, '[', ']'):
		return "a brace or bracket is not opened, or not closed"
	case more && strings.HasSuffix(text, "}") && !strings.Contains(text, ","):
		return "there are two folders"
	}
	return ""
}

func unbalanced(text string, opens, closes rune) bool {
	depth := 0
	for _, c := range text {
		switch c {
		case opens:
			depth++
		case closes:
			if depth--; depth < 0 {
				return true
			}
		}
	}
	return depth != 0
}
