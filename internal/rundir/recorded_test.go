package rundir

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// TestAddAtOnce adds a file while another process adds the same one.
func TestAddAtOnce(t *testing.T) {
	root, id := t.TempDir(), "0123456789abcdef01234567"
	testkit.Write(t, root, filepath.Join(Name, runs, id, events), "")
	write := func(text string) func(*os.File) error {
		return func(f *os.File) error {
			_, err := f.WriteString(text)
			return err
		}
	}
	_, err := Add(root, id, "page", func(f *os.File) error {
		if _, err := Add(root, id, "page", write("inner")); err != nil {
			return err
		}
		return write("outer")(f)
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, Name, runs, id)
	if text, err := os.ReadFile(filepath.Join(dir, "page")); err != nil || string(text) != "outer" {
		t.Errorf("the file is %q, %v", text, err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 2 {
		t.Errorf("there are %v", list)
	}
	if err := os.MkdirAll(filepath.Join(dir, "taken", "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Add(root, id, "taken", write("")); err == nil {
		t.Error("a folder was replaced")
	}
	if list, _ := os.ReadDir(dir); len(list) != 3 {
		t.Errorf("a draft is left: %v", list)
	}
}
