package fingerprint

import (
	"bufio"
	"cmp"
	"slices"
	"sync"

	"github.com/heapmage/heapmage/internal/varint"
)

// Notes are what was found out about contents, once for each: a text by the content's
// digest. They may be used by several goroutines.
type Notes struct {
	file
	header string
	most   int

	mu    sync.Mutex      // guards all below
	known map[Digest]note // nil until they are asked for
	added bool
}

type note struct {
	text string
	used bool // in this run
}

// OpenNotes opens the notes that earlier runs kept. They are read when the first one is asked
// for, as Open does. Those of another version count as none: raise it if other notes would be
// found now. most is how many are kept, 0 as many as digests are.
func OpenNotes(root, folder, name, version string, most int) *Notes {
	return &Notes{file: file{root, folder, name}, header: "heapmage notes " + version + "\n", most: cmp.Or(most, mostEntries)}
}

func (n *Notes) readLocked() {
	if n.known != nil {
		return
	}
	n.known = map[Digest]note{}
	r := varint.Reader{Rest: n.load(n.header)}
	for len(r.Rest) > 0 && !r.Bad {
		var d Digest
		copy(d[:], r.Take(uint64(len(d))))
		n.known[d] = note{text: r.Text()}
	}
	if r.Bad {
		clear(n.known)
	}
}

// Of returns the note on a content, if there is one.
func (n *Notes) Of(d Digest) (text string, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.readLocked()
	found, ok := n.known[d]
	if ok && !found.used {
		n.known[d] = note{found.text, true}
	}
	return found.text, ok
}

// Add notes something on a content.
func (n *Notes) Add(d Digest, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.readLocked()
	n.known[d] = note{text, true}
	n.added = true
}

// Save keeps the notes for later runs, as Digests.Save does.
func (n *Notes) Save() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.added {
		return nil
	}
	err := n.replace(n.header, func(w *bufio.Writer) {
		left := n.most
		for _, used := range []bool{true, false} {
			for d, note := range n.known {
				if note.used != used || left == 0 {
					continue
				}
				left--
				_, _ = w.Write(varint.AppendText(slices.Clone(d[:]), note.text)) // Flush returns the first error
			}
		}
	})
	n.added = err != nil
	return err
}
