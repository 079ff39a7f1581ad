package report

import (
	"strings"
	"testing"
)

// TestLabelledColours: they go on in the next line of the same task, and nowhere else.
func TestLabelledColours(t *testing.T) {
	for _, tt := range []struct{ claim, text, want string }{
		{"a line without any stays", "a\n\nb\n", "> a\n> \n> b\n"},
		{"a line that ends its colour stays", "\x1b[31ma\x1b[0m\nb\x1b[1mc\x1b[m\n", "> \x1b[31ma\x1b[0m\n> b\x1b[1mc\x1b[m\n"},
		{"one that does not is continued", "\x1b[1m\x1b[31ma\nb\nc\x1b[0md\ne\n",
			"> \x1b[1m\x1b[31ma\x1b[0m\n> \x1b[1m\x1b[31mb\x1b[0m\n> \x1b[1m\x1b[31mc\x1b[0md\n> e\n"},
		{"of very many the last counts", strings.Repeat("\x1b[31m", 12) + "\x1b[32ma\nb\n",
			"> " + strings.Repeat("\x1b[31m", 12) + "\x1b[32ma\x1b[0m\n> \x1b[32mb\x1b[0m\n"},
		{"a very long one ends with its line", "\x1b[" + strings.Repeat("1;", 60) + "1ma\nb\n", "> \x1b[" + strings.Repeat("1;", 60) + "1ma\x1b[0m\n> \x1b[0mb\x1b[0m\n"},
		{"parts of a line are lines", "1 %\r\x1b[31m2 %\r\r\n3 %\r", "> 1 %\n> \x1b[31m2 %\x1b[0m\n> \x1b[31m3 %\x1b[0m\n"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			l := lines{label: []byte("> ")}
			if got := string(l.end(l.add(nil, []byte(tt.text)))); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// TestLongLine: it is cut neither in a word nor in a character.
func TestLongLine(t *testing.T) {
	words, characters := strings.Repeat("word ", longestLine/5)+"secret", strings.Repeat("漢", longestLine/3+1)
	for text, want := range map[string]string{
		words:      words[:len(words)-1-len("secret")] + " \nsecret\n",
		characters: characters[:len(characters)-len("漢")] + "\n漢\n",
		strings.Repeat("\x80", longestLine) + "a": strings.Repeat("\x80", longestLine) + "\na\n",
	} {
		l := lines{}
		if got := string(l.end(l.add(nil, []byte(text)))); got != want {
			t.Errorf("%d bytes become %d, which end with %q", len(text), len(got), got[len(got)-20:])
		}
	}
}
