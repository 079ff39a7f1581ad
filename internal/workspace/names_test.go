package workspace

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNamesCanBePrintedAndKept(t *testing.T) {
	long := strings.Repeat("é", 3000)
	w := &Workspace{RootPackage: &Package{Dir: "."}}
	for _, p := range []Package{
		{DeclaredName: "@acme/core", Dir: "a"}, {DeclaredName: "b\x1b[2J\nx", Dir: "b"}, {DeclaredName: `b\x1b[2J\nx`, Dir: "c"},
		{Dir: "d/b\xff"}, {Dir: "d/b\xfe"}, {DeclaredName: long, Dir: "e"}, {DeclaredName: long + "x", Dir: "f"},
		{DeclaredName: "::error::", Dir: "g"}, {DeclaredName: "same", Dir: "h"}, {DeclaredName: "same", Dir: "i\n"},
	} {
		w.Packages = append(w.Packages, &p)
	}
	giveNames(w)
	seen := map[string]bool{}
	for _, p := range w.Packages {
		if !utf8.ValidString(p.Name) || strings.ContainsAny(p.Name, "\x1b\n\t") || strings.Contains(p.Name, "::") || len(p.Name) > 2*longestName || seen[p.Name] {
			t.Errorf("%q is the name of %s", p.Name, p.Dir)
		}
		seen[p.Name] = true
	}
	if got := w.Packages[0].Name; got != "@acme/core" {
		t.Errorf("an ordinary name becomes %q", got)
	}
	if got, want := w.Packages[3].Name, `d/b\xff`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
