package ownership

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

const folder = ".heapmage/cache"

// TestTwoTables: a run that ends while another writes the table waits for it, and keeps what
// that has written.
func TestTwoTables(t *testing.T) {
	root := t.TempDir()
	f, err := confined.Make(root, folder)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unlock := lock(f)
	o := Load(root, folder)
	o.Set("a", nil, map[string]fingerprint.State{"a/out": "content 1"})
	done := make(chan error)
	go func() { done <- o.Save() }()
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	text, err := json.Marshal(record{"b": row{Files: map[string]fingerprint.State{"b/out": "content 2"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Replace(name, func(file *os.File) error {
		_, err := file.Write(text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if all := readRecord(root, folder); len(all["a"].Files) != 1 || len(all["b"].Files) != 1 {
		t.Errorf("the table is %v", all)
	}
}

// TestKeptTable: what is in place as before is not written again.
func TestKeptTable(t *testing.T) {
	root := t.TempDir()
	files := map[string]fingerprint.State{"a/out": "content 1"}
	o := Load(root, folder)
	o.Keep("a", nil, files)
	if err := o.Save(); err != nil {
		t.Fatal(err)
	}
	o = Load(root, folder)
	if o.Keep("a", nil, files); len(o.fresh) > 0 {
		t.Error("it is written again")
	}
	if o.Keep("a", nil, map[string]fingerprint.State{"a/out": "content 2"}); len(o.fresh) != 1 {
		t.Error("a change is not written")
	}
}
