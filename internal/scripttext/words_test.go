package scripttext

import (
	"strings"
	"testing"
)

// shown writes commands with a bar between words and a line for each command.
func shown(all []Command) string {
	var lines []string
	for _, c := range all {
		var words []string
		for _, w := range c.Words {
			words = append(words, w.Text)
		}
		line := strings.Join(words, "|")
		if c.EndsSubshell {
			line += " )"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestCommands(t *testing.T) {
	for _, tt := range []struct{ claim, text, want string }{
		{"nothing", " \t\n", ""},
		{"words", "tsc  -p\t.", "tsc|-p|."},
		{"every operator separates", "a&&b||c;d|e&f\ng", "a\nb\nc\nd\ne\nf\ng"},
		{"a redirection separates nothing", "a 2>&1 >&2 &>log <&3 && b", "a|2>&1|>&2|&>log|<&3\nb"},
		{"quotes are taken off", `a "b c" 'd "e' f'g'"h"`, `a|b c|d "e|fgh`},
		{"an operator in quotes separates nothing", `a "b && c" 'd; e'`, "a|b && c|d; e"},
		{"an escaped quote does not end a text", `a "b \"c\" \\ \d"`, `a|b "c" \ \d`},
		{"a backslash stays, for it may be part of a path", `node scripts\a.js b\ c`, `node|scripts\a.js|b\ c`},
		{"an open quote ends with the text", `a "b c`, "a|b c"},
		{"an empty word is one", `a "" b`, "a||b"},
		{"a subshell ends where its bracket closes", "(cd a && b) && c", "cd|a\nb )\nc"},
		{"what the shell works out is one word", "a $(b c | d) ${E:-f g} `h i` k", "a|$(b c | d)|${E:-f g}|`h i`|k"},
		{"a pattern is one word", "eslint !(dist|lib)/**", "eslint|!(dist|lib)/**"},
		{"a comment is left out", "a # b && c\nd e#f", "a\nd|e#f"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := shown(Commands(tt.text)); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestCommandsWithin(t *testing.T) {
	var all []Command
	for c := range CommandsWithin(`concurrently "tsc -w" 'sh -c "a && b"' "vite" && c`) {
		all = append(all, c)
	}
	if got, want := shown(all), "concurrently|tsc -w|sh -c \"a && b\"|vite\ntsc|-w\nsh|-c|a && b\na\nb\nc"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// FuzzCommands checks that the words of any text are in it in their order, and
// that a word never grows.
func FuzzCommands(f *testing.F) {
	f.Add(`(cd a && node b.js) 2>&1; c "d \"e" 'f' & $(g h) !(i|j) # k`)
	f.Add("a `b ${c \\")
	f.Fuzz(func(t *testing.T, text string) {
		rest := text
		for _, c := range Commands(text) {
			for _, w := range c.Words {
				_, after, ok := strings.Cut(rest, w.Raw)
				if !ok || w.Raw == "" || len(w.Text) > len(w.Raw) {
					t.Fatalf("%q: word %+v", text, w)
				}
				rest = after
			}
		}
		for range CommandsWithin(text) {
		}
	})
}
