package rundir

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFindAbandoned(t *testing.T) {
	root := t.TempDir()
	ids := func() (found []string) {
		for _, a := range FindAbandoned(root) {
			found = append(found, a.ID+" "+a.Owner)
		}
		return found
	}
	// kill ends a run as a kill would: nothing of it is tidied up.
	kill := func(n int, process string) {
		r, notices := Open(root, id(n))
		if len(notices) > 0 {
			t.Fatal(notices)
		}
		r.SetOwner(process)
		_ = r.held.Close()
	}
	ended, _ := Open(root, id(1))
	ended.SetOwner("1 1")
	lasting, _ := Open(root, id(2))
	lasting.SetOwner("2 2")
	ended.Close()
	kill(3, "3 3")
	kill(4, strings.Repeat("x", 10*longestOwner))
	fill(t, filepath.Join(root, Name, "runs", "no-run"), owner)
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("5 5"), 0o644); err != nil {
		t.Fatal(err)
	}
	link(t, outside, filepath.Join(root, Name, "runs", id(5), owner))

	if got, want := ids(), []string{id(3) + " 3 3", id(4) + " " + strings.Repeat("x", longestOwner)}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for _, a := range FindAbandoned(root) {
		a.Settle()
	}
	lasting.Close()
	if got := ids(); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
	if got := FindAbandoned(t.TempDir()); got != nil {
		t.Errorf("in an empty workspace: %q", got)
	}
}
