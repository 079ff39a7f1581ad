package printable

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, tt := range []struct{ claim, text, want string }{
		{"an ordinary name stays", "@acme/core", "@acme/core"},
		{"so do letters and signs of all languages", "naïve 日本語　🚀 ⚠️", "naïve 日本語　🚀 ⚠️"},
		{"so does the character that stands for damage", "a\uFFFDb", "a\uFFFDb"},
		{"an escape sequence does not reach the terminal", "\x1b[2Jx", `\x1b[2Jx`},
		{"neither does one of a single character", "\u009b2Jx", `\u009b2Jx`},
		{"a name has no second line", "b\n✅ Build\r\tx", `b\n✅ Build\r\tx`},
		{"nor has it in Unicode", "b\u2028x", `b\u2028x`},
		{"text keeps its direction", "a\u202Eb\u2066c\u200Fd", `a\u202eb\u2066c\u200fd`},
		{"nothing is invisible", "a\u200Bb\uFEFFc\x7f\x00", `a\u200bb\ufeffc\x7f\x00`},
		{"a byte that is not UTF-8 is named", "b\xffx", `b\xffx`},
		{"GitHub's first form of a command is none", "a##[error]b", `a##\x5berror]b`},
		{"nor is one of Azure or TeamCity", "###vso[a.b]c ##teamcity[x] ## [x] ##9[x]", `###vso\x5ba.b]c ##teamcity\x5bx] ## [x] ##9[x]`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := Text(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestName(t *testing.T) {
	if got, want := Name("::warning::x"), `\x3a\x3awarning\x3a\x3ax`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for name, want := range map[string]string{"--- x": `\x2d-- x`, "+++": `\x2b++`, "---x": "---x"} {
		if got := Name(name); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := Name(":::x"); strings.Contains(got, "::") {
		t.Errorf("got %q", got)
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\x1bb\xff##[::##vso[")
	f.Fuzz(func(t *testing.T, s string) {
		got := Name(s)
		for _, r := range got {
			if !unicode.IsGraphic(r) && r != utf8.RuneError {
				t.Fatalf("%q becomes %q", s, got)
			}
		}
		if !utf8.ValidString(got) || strings.Contains(got, "::") || strings.Contains(got, "##[") || strings.Contains(got, "##vso[") || Name(got) != got {
			t.Fatalf("%q becomes %q", s, got)
		}
	})
}
