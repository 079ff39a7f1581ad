package footer

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/testkit"
)

// plain is what a terminal shows of a log without a footer.
func plain(width, height int, texts ...string) *testkit.VT {
	t := testkit.NewVT(width, height)
	var b bytes.Buffer
	var f filter
	for _, text := range texts {
		f.add(&b, []byte(text))
	}
	_, _ = t.Write(b.Bytes())
	return t
}

func TestScreen(t *testing.T) {
	const width, height = 20, 6
	// play writes texts, each with the footer under it.
	play := func(t *testing.T, footer []string, texts ...string) *testkit.VT {
		t.Helper()
		terminal := testkit.NewVT(width, height)
		s := NewScreen(terminal, func() int { return width })
		for _, text := range texts {
			if _, err := s.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if err := s.Show(footer); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() {
			if err := s.Show(nil); err != nil {
				t.Fatal(err)
			}
			if got, want := terminal.All(), plain(width, height, texts...).All(); got != want || len(terminal.Unknown) > 0 {
				t.Errorf("in the end it is %q, want %q; unknown: %q", got, want, terminal.Unknown)
			}
		})
		return terminal
	}
	shows := func(t *testing.T, v *testkit.VT, want string) {
		t.Helper()
		if got := strings.TrimRight(strings.Join(v.Screen(), "\n"), "\n"); got != want {
			t.Errorf("it shows %q, want %q", got, want)
		}
	}
	two := []string{"one", "two"}
	t.Run("has the footer under a short log, after a line that is free", func(t *testing.T) {
		shows(t, play(t, two, "a\n"), "a\n\none\ntwo")
	})
	t.Run("keeps it there when the log grows longer than the screen", func(t *testing.T) {
		v := play(t, two, "a\nb\n", "c\nd\n", "e\nf\n")
		shows(t, v, "d\ne\nf\n\none\ntwo")
	})
	t.Run("has it under a line that has not ended, which goes on where it was", func(t *testing.T) {
		shows(t, play(t, two, "a\nb..", ".c"), "a\nb...c\none\ntwo")
	})
	t.Run("lets a progress bar return to the beginning of its line", func(t *testing.T) {
		shows(t, play(t, two, "10 %\r", "20 %\r", "30 %\r"), "30 %\none\ntwo")
	})
	t.Run("has none under a line that may fill the width, until it ends", func(t *testing.T) {
		v := play(t, two, strings.Repeat("x", width))
		shows(t, v, strings.Repeat("x", width))
		shows(t, play(t, two, strings.Repeat("x", width), "y\n"), strings.Repeat("x", width)+"\ny\n\none\ntwo")
	})
	t.Run("counts what a tab may take", func(t *testing.T) {
		shows(t, play(t, two, "a\t\t1234", "5\n"), "a               1234\n5\n\none\ntwo")
	})
	t.Run("draws it between the bytes of no character", func(t *testing.T) {
		shows(t, play(t, two, "a\xe6", "\xbc\xa2"), "a漢\none\ntwo")
	})
	t.Run("removes it although an Enter moved the cursor into it", func(t *testing.T) {
		v := testkit.NewVT(width, height)
		s := NewScreen(v, func() int { return width })
		_ = s.Show(two)
		_, _ = v.Write([]byte("\n"))
		_ = s.Show(two)
		shows(t, v, "\n\none\ntwo")
		_, _ = v.Write([]byte("^C\nmage ends\n"))
		_ = s.Show(nil)
		shows(t, v, "\n^C\nmage ends")
	})
	t.Run("scrolls nothing if a line turns out to be wider than it should be", func(t *testing.T) {
		shows(t, play(t, []string{strings.Repeat("w", width+5), "two"}, "a\nb\nc\nd\ne\nf\n"), "d\ne\nf\n\n"+strings.Repeat("w", width)+"\ntwo")
	})
	t.Run("leaves any log as it is without a footer", rapid.MakeCheck(func(t *rapid.T) {
		width, height := rapid.IntRange(12, 40).Draw(t, "width"), rapid.IntRange(4, 12).Draw(t, "height")
		terminal := testkit.NewVT(width, height)
		s := NewScreen(terminal, func() int { return width })
		words := rapid.SampledFrom([]string{"\n", "\n", "\n", "\r", "\t", "\b", "a", "word ", "漢字", "e\u0301", "📦 ", "°", strings.Repeat("0123456789", 3),
			"\x1b[31m", "\x1b[0m", "\x1b[K", "\x1b[2J", "\x1b[5A", "\x1b[H", "\x1b", "\x1b]0;title\a", "\x1b]0;cut", "\x1b[1", "\xc2", "\u009b2J", "\xff", "\v", "\x1bc", "\x1b[?1049h", "\x0e"})
		var texts []string
		log := strings.Join(rapid.SliceOfN(words, 0, 60).Draw(t, "log"), "") + "\n"
		for log != "" {
			cut := rapid.IntRange(1, min(len(log), 40)).Draw(t, "cut")
			text := log[:cut]
			log = log[cut:]
			texts = append(texts, text)
			_, _ = s.Write([]byte(text))
			lines := rapid.SliceOfN(rapid.SampledFrom([]string{"", "core", "█▒░|", strings.Repeat("漢", width/2+3)}), 0, height-2).Draw(t, "footer")
			if len(lines) > 0 {
				lines = append(lines, "last")
			}
			_ = s.Show(lines)
		}
		_ = s.Show(nil)
		if got, want := terminal.All(), plain(width, height, texts...).All(); got != want {
			t.Fatalf("\ngot  %q\nwant %q", got, want)
		}
		if len(terminal.Unknown) > 0 {
			t.Fatal(terminal.Unknown)
		}
	}))
}
