// Package scripttext reads what the text of a package script tells: its commands, the tools
// that they run, the files that they start. It runs nothing and expands nothing.
package scripttext

import (
	"iter"
	"strings"
)

// Word is one word of a script's text.
type Word struct {
	Text string // without its quotes
	Raw  string // as written
}

// Quoted reports whether a word holds several in quotes, as a command for "sh -c" does. Its
// Text is shorter than its Raw, so reading texts within texts comes to an end.
func (w Word) Quoted() bool {
	return len(w.Text) < len(w.Raw) && strings.ContainsAny(w.Text, " \t\n")
}

// Command is one simple command: a program with its arguments, with the
// assignments before it and the redirections.
type Command struct {
	Words []Word
	// EndsSubshell is true if a closing bracket follows: the next command runs in
	// the folder and the environment from before the subshell.
	EndsSubshell bool
}

// Commands splits a script's text into its commands as a POSIX shell would: at
// &&, ||, ;, |, & and line ends outside of quotes. It expands nothing: $VAR and
// $(…) stay in their word. It never fails; a quote that is not closed ends with
// the text. A backslash outside of quotes stays in the word: on Windows it is
// part of paths.
func Commands(text string) []Command {
	var all []Command
	var c Command
	end := func() {
		if len(c.Words) > 0 || c.EndsSubshell {
			all = append(all, c)
		}
		c = Command{}
	}
	for at := 0; at < len(text); {
		switch b := text[at]; {
		case b == ' ' || b == '\t' || b == '\r':
			at++
		case b == '#':
			at += lengthUntil(text[at:], '\n')
		case b == '(':
			end()
			at++
		case b == ')':
			c.EndsSubshell = true
			end()
			at++
		case strings.IndexByte(";|\n", b) >= 0, b == '&' && !redirects(text, at):
			end() // the second half of && and || ends an empty command
			at++
		default:
			w := firstWord(text, at)
			c.Words = append(c.Words, w)
			at += len(w.Raw)
		}
	}
	end()
	return all
}

// firstWord reads the word that starts at text[at]. It has at least one byte.
func firstWord(text string, at int) Word {
	var unquoted strings.Builder
	start := at
	for at < len(text) {
		rest := text[at:]
		n := 1
		switch b := rest[0]; {
		case strings.IndexByte(" \t\r\n;|)", b) >= 0, b == '&' && !redirects(text, at), b == '(' && !opensPattern(text[start:at]):
			return Word{unquoted.String(), text[start:at]}
		case b == '\'':
			n = min(1+lengthUntil(rest[1:], '\'')+1, len(rest))
			unquoted.WriteString(strings.TrimSuffix(rest[1:n], "'"))
		case b == '"':
			var inside string
			inside, n = doubleQuoted(rest)
			unquoted.WriteString(inside)
		case b == '`':
			n = min(1+lengthUntil(rest[1:], '`')+1, len(rest))
			unquoted.WriteString(rest[:n])
		case b == '(' || b == '$' && (strings.HasPrefix(rest, "$(") || strings.HasPrefix(rest, "${")):
			n = bracketed(rest)
			unquoted.WriteString(rest[:n])
		default:
			if b == '\\' && len(rest) > 1 {
				n = 2 // the next byte separates nothing
			}
			unquoted.WriteString(rest[:n])
		}
		at += n
	}
	return Word{unquoted.String(), text[start:]}
}

// redirects tells whether the & at text[at] belongs to a redirection: 2>&1, <&3, &>file.
func redirects(text string, at int) bool {
	return at > 0 && (text[at-1] == '>' || text[at-1] == '<') || strings.HasPrefix(text[at+1:], ">")
}

// opensPattern tells whether a ( after what was read of a word opens a pattern
// of bash, such as !(dist), or a process substitution, not a subshell.
func opensPattern(word string) bool {
	return word != "" && strings.IndexByte("!@?*+<>", word[len(word)-1]) >= 0
}

// doubleQuoted reads a text from its opening quote to its closing one.
func doubleQuoted(text string) (inside string, length int) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), i + 1
		case c == '\\' && i+1 < len(text) && strings.IndexByte("\"\\$`", text[i+1]) >= 0:
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), len(text)
}

// bracketed is the length of a text from its first bracket to the one that
// closes it, or to the end if none does.
func bracketed(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(', '{':
			depth++
		case ')', '}':
			if depth--; depth <= 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// lengthUntil is the number of bytes before the first b, or all of them.
func lengthUntil(text string, b byte) int {
	if i := strings.IndexByte(text, b); i >= 0 {
		return i
	}
	return len(text)
}

// CommandsWithin yields the commands of a text, and after each one those of its
// quoted arguments that hold several words: the commands that "sh -c" and
// "concurrently" run.
func CommandsWithin(text string) iter.Seq[Command] {
	return func(yield func(Command) bool) {
		yieldWithin(text, yield)
	}
}

func yieldWithin(text string, yield func(Command) bool) bool {
	for _, c := range Commands(text) {
		if !yield(c) {
			return false
		}
		for _, w := range c.Words {
			if w.Quoted() && !yieldWithin(w.Text, yield) {
				return false
			}
		}
	}
	return true
}

// QuoteAll writes texts as further words of a command line for a POSIX shell, with a space
// before each.
func QuoteAll(texts []string) string {
	var all strings.Builder
	for _, text := range texts {
		all.WriteString(" " + Quote(text))
	}
	return all.String()
}

// Quote writes a text so that a POSIX shell reads it as one word.
func Quote(text string) string {
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./,:=@%+", r))
	}) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
