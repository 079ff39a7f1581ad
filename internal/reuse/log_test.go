package reuse

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestLogsOfOtherMachines: a log that is kept holds no path of the machine that made it, and shows those
// of the machine that reads it, however the text is cut.
func TestLogsOfOtherMachines(t *testing.T) {
	here := &Results{root: "/home/ann/work/shop", home: "/home/ann"}
	there := &Results{root: "/w", home: "/home/runner"}
	for text, want := range map[string]string{
		"":     "",
		"none": "none",
		"config: /home/ann/work/shop/a.ts, /home/ann/.npmrc\n": "config: /w/a.ts, /home/runner/.npmrc\n",
		"/home/ann/work/shop":     "/w",
		"/home/ann/work/sho":      "/home/runner/work/sho",
		"/home/an":                "/home/an",
		"/home/home/ann/home/ann": "/home/home/runner/home/runner",
		"\x00work":                "\x00work",
		strings.Repeat("/home/ann/work/shop ", 3000): strings.Repeat("/w ", 3000),
	} {
		for name, cut := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "end": iotest.DataErrReader} {
			kept, err := io.ReadAll(here.markedLog(cut(strings.NewReader(text))))
			if err != nil || bytes.Contains(kept, []byte(here.home)) {
				t.Errorf("%s: %.40q is kept as %.80q, %v", name, text, kept, err)
			}
			var shown bytes.Buffer
			s := there.shownLog(&shown)
			if _, err := io.Copy(s, cut(bytes.NewReader(kept))); err != nil {
				t.Error(err)
			}
			if err := s.Flush(); err != nil || shown.String() != want {
				t.Errorf("%s: %.40q is shown as %.80q, %v", name, text, shown.String(), err)
			}
		}
	}
}
