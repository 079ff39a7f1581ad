// Package lastrun keeps a note on the last run of each task of a workspace, in a file each. It does
// not know what a note says. A note that cannot be kept is lost, and nothing else.
package lastrun

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

// largest bounds a note, in bytes.
const largest = 64 << 20

// Notes are those of a workspace. They may be used by several goroutines.
type Notes struct {
	root, folder string

	mu   sync.Mutex // guards all below
	open *confined.Folder
}

// In returns the notes in a folder, which is named with slashes and relative to root.
func In(root, folder string) *Notes { return &Notes{root: root, folder: folder} }

// Put keeps a note on the last run of a task, which becomes a JSON object. If its first member is a
// key, "key", notes with this key are equal: one that is there is not written again. A zero key
// stands for none.
func (n *Notes) Put(task string, key cache.Key, note any) {
	name := file(task)
	var text []byte
	for range 2 { // the folder may have been removed since it was opened
		f, err := n.opened()
		if err != nil || key != (cache.Key{}) && begins(f, name, `{"key":"`+key.String()+`"`) {
			return
		}
		if text == nil {
			if text, err = json.Marshal(note); err != nil {
				return
			}
		}
		err = f.Replace(name, func(file *os.File) error {
			_, err := file.Write(text)
			return err
		})
		if err == nil {
			return
		}
		n.mu.Lock()
		n.open = nil // others may be using it: it is closed when none does
		n.mu.Unlock()
	}
}

// Of decodes the note on the last run of a task. The error wraps fs.ErrNotExist if there is none.
func (n *Notes) Of(task string, note any) error {
	f, err := confined.Open(n.root, n.folder)
	if err != nil {
		return err
	}
	defer f.Close()
	from, err := f.OpenFile(file(task), os.O_RDONLY)
	if err != nil {
		return err
	}
	defer from.Close()
	text, err := io.ReadAll(io.LimitReader(from, largest))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, note)
}

// Close lets go of the folder.
func (n *Notes) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open != nil {
		_ = n.open.Close() // what was written in it is complete
		n.open = nil
	}
}

func file(task string) string { return fingerprint.Sum(task).String() + ".json" }

// opened is the folder, which stays open: opening it takes longer than to look into a note.
func (n *Notes) opened() (f *confined.Folder, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open == nil {
		n.open, err = confined.Make(n.root, n.folder)
	}
	return n.open, err
}

// begins reports whether a file begins with a text.
func begins(f *confined.Folder, name, text string) bool {
	file, err := f.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer file.Close()
	var b strings.Builder
	_, err = io.CopyN(&b, file, int64(len(text)))
	return err == nil && b.String() == text
}
