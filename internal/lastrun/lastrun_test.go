package lastrun

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/cache"
)

type note struct {
	Key  cache.Key `json:"key,omitzero"`
	Text string    `json:"text"`
}

func TestNotes(t *testing.T) {
	root := t.TempDir()
	n := In(root, "state/last")
	defer n.Close()
	want := func(task, text string) {
		t.Helper()
		var got note
		if err := n.Of(task, &got); err != nil || got.Text != text {
			t.Errorf("the note on %s is %q, want %q: %v", task, got.Text, text, err)
		}
	}
	if err := n.Of("a", &note{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
	one, two := cache.Key{1}, cache.Key{2}
	n.Put("a", cache.Key{}, note{Text: "first"})
	n.Put("b", one, note{one, "b"})
	want("a", "first")
	want("b", "b")
	if err := n.Of("c", &note{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a note: %v", err)
	}
	t.Run("one without a key is always written", func(t *testing.T) {
		n.Put("a", cache.Key{}, note{Text: "second"})
		want("a", "second")
	})
	t.Run("one with another key is written", func(t *testing.T) {
		n.Put("a", one, note{one, "third"})
		want("a", "third")
		n.Put("a", two, note{two, "fourth"})
		want("a", "fourth")
	})
	t.Run("one with the same key is not written again", func(t *testing.T) {
		n.Put("a", two, note{two, "fifth"})
		want("a", "fourth")
	})
	t.Run("one is written although the folder was removed", func(t *testing.T) {
		if err := os.RemoveAll(filepath.Join(root, "state")); err != nil {
			t.Fatal(err)
		}
		n.Put("a", two, note{two, "sixth"})
		want("a", "sixth")
	})
	t.Run("one that cannot be kept is lost, and no more", func(t *testing.T) {
		n := In(filepath.Join(root, "missing"), "last")
		defer n.Close()
		n.Put("a", one, note{one, ""})
		if err := n.Of("a", &note{}); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	})
}
