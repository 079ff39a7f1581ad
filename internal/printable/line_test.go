package printable

import (
	"strings"
	"testing"
)

func TestAppendLine(t *testing.T) {
	for _, tt := range []struct{ claim, text, want string }{
		{"ordinary text stays", "src/a.ts: ok\tnaïve 日本語 👩‍💻", "src/a.ts: ok\tnaïve 日本語 👩‍💻"},
		{"colours stay", "\x1b[1;31mred\x1b[0m \x1b[38:5:1mx\x1b[m", "\x1b[1;31mred\x1b[0m \x1b[38:5:1mx\x1b[m"},
		{"so do bytes of another encoding", "caf\xe9", "caf\xe9"},
		{"the cursor does not move", "\x1b[1A\x1b[2Kx\bx", `\x1b[1A\x1b[2Kx\bx`},
		{"nor does it by a character", "\u009b2J\x9b2J\u0085", `\u009b2J\x9b2J\u0085`},
		{"the title stays", "\x1b]0;x\x07", `\x1b]0;x\a`},
		{"a colour that does not end is none", "\x1b[31", `\x1b[31`},
		{"text keeps its direction", "a\u202eb\u2028c", `a\u202eb\u2028c`},
		{"GitHub's first form of a command is none", "a ##[error]b #", `a ##\x5berror]b #`},
		{"nor is one of Azure", "a\x1b[1m##vso[x]", "a\x1b[1m" + `##vso\x5bx]`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := string(AppendLine([]byte("> "), []byte(tt.text))); got != "> "+tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzAppendLine(f *testing.F) {
	f.Add("a\x1b[31mb\xff##[\x9b\r")
	f.Fuzz(func(t *testing.T, s string) {
		got := string(AppendLine(nil, []byte(s)))
		if strings.Contains(got, "##[") || strings.ContainsAny(got, "\n\r\b\x07\u202e") {
			t.Fatalf("%q becomes %q", s, got)
		}
		for _, rest := range strings.Split(got, "\x1b")[1:] {
			if colour([]byte("\x1b"+rest)) == 0 {
				t.Fatalf("%q becomes %q", s, got)
			}
		}
	})
}
