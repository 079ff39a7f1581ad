package gomod

import (
	"strings"
	"testing"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte("module m\n\ngo 1.26\n\nrequire (\n\ta v1 // indirect\n\t\"b\" v2\n)\ntool x/y\n"))
	f.Add([]byte("use ./a\nuse (\n ./b\n)\n"))
	f.Add([]byte("module `x\n"))
	f.Add([]byte("require ()\n)\n("))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, mistake := Parse(text)
		if (file == nil) == (mistake == nil) {
			t.Fatal("neither or both of file and mistake")
		}
		if mistake != nil {
			plain(t, mistake.What)
		}
	})
}

// plain fails for a message that a user cannot read: empty, of several lines,
// or with a Go type in it.
func plain(t *testing.T, what string) {
	t.Helper()
	if what == "" || strings.Contains(what, "\n") || strings.Contains(what, "Go value") || strings.Contains(what, "interface") {
		t.Fatalf("no message for a user: %q", what)
	}
}
