package reuse

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

// TestTwoTables: a run that ends while another writes the table waits for it, and keeps what
// that has written.
func TestTwoTables(t *testing.T) {
	root := t.TempDir()
	f, err := confined.Make(root, folder)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unlock := lockOwners(f)
	o := loadOwners(root)
	o.set(&Task{ID: "a"}, map[string]fingerprint.State{"a/out": "content 1"})
	done := make(chan error)
	go func() { done <- o.save() }()
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	text, err := json.Marshal(table{"b": row{Files: map[string]fingerprint.State{"b/out": "content 2"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := replace(f, ownersFile, text); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if all := readTable(root); len(all["a"].Files) != 1 || len(all["b"].Files) != 1 {
		t.Errorf("the table is %v", all)
	}
}

// TestKeptTable: what is in place as before is not written again.
func TestKeptTable(t *testing.T) {
	root := t.TempDir()
	task, files := &Task{ID: "a"}, map[string]fingerprint.State{"a/out": "content 1"}
	o := loadOwners(root)
	o.keep(task, files)
	if err := o.save(); err != nil {
		t.Fatal(err)
	}
	o = loadOwners(root)
	if o.keep(task, files); len(o.fresh) > 0 {
		t.Error("it is written again")
	}
	if o.keep(task, map[string]fingerprint.State{"a/out": "content 2"}); len(o.fresh) != 1 {
		t.Error("a change is not written")
	}
}
