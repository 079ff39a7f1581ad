package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/filetree"
)

// Get returns the entry of a key. That its blob is there was checked; what it holds is
// verified by Log and Restore, before they write anything. The error is a *Miss.
func (s *Store) Get(key Key) (*Entry, error) {
	e, err := s.load(key)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// load reads an entry, and removes one that is damaged or has no blob.
func (s *Store) load(key Key) (*Entry, error) {
	text, err := s.readFile(entries, key.entryFile(), largestEntry+1)
	if err != nil {
		return nil, absent(err)
	}
	e, err := readEntry(key, text)
	if errors.Is(err, errFormat) {
		return nil, miss(OtherFormat, "", nil)
	}
	if err != nil {
		s.remove(entries, key.entryFile())
		return nil, miss(Damaged, "", err)
	}
	if err := s.hasBlob(e); err != nil {
		return nil, s.lost(e, err)
	}
	return e, nil
}

// readEntry reads the text of an entry.
func readEntry(key Key, text []byte) (*Entry, error) {
	e := &Entry{}
	h, err := unseal(text, key, e)
	if err == nil {
		err = e.check()
	}
	if err == nil && (h.Blob != e.Blob || h.Task != e.Task) {
		err = errors.New("its header is wrong")
	}
	e.Key, e.Sum = key, h.Digest
	return e, err
}

// Has reports whether an entry that Put or Get has returned, in this process or an earlier one, is
// the one that is stored. That takes less than to Get it.
func (s *Store) Has(e *Entry) bool {
	first, err := json.Marshal(header{format, e.Key, e.Sum, e.Blob, e.Task})
	if err != nil {
		return false
	}
	text, err := s.readFile(entries, e.Key.entryFile(), longestHeader)
	return err == nil && bytes.HasPrefix(text, append(first, '\n')) && s.hasBlob(e) == nil
}

// hasBlob returns why an entry's blob cannot be opened, nil if it is there.
func (s *Store) hasBlob(e *Entry) error {
	return s.in(blobs, func(f *confined.Folder) error {
		info, err := f.Lstat(blobFile(e.Blob))
		if err == nil && !info.Mode().IsRegular() {
			err = confined.ErrNotFile
		}
		return err
	})
}

// Forget removes an entry.
func (s *Store) Forget(key Key) { s.remove(entries, key.entryFile()) }

// absent is the miss if an entry cannot be read.
func absent(err error) error {
	if missing(err) {
		return miss(Absent, "", nil)
	}
	return miss(Unreadable, "", err)
}

// Log writes the log of an entry, after verifying it. An error that is not a *Miss is
// about writing it, or that of the context.
func (s *Store) Log(ctx context.Context, e *Entry, to io.Writer) error {
	b, done, err := s.proven(ctx, e, true)
	if err != nil {
		return err
	}
	defer done()
	return b.read(ctx, true, func(f *filetree.File, from io.Reader) error { return b.copy(to, f, from) })
}

// remove removes a file of the cache that is of no use, if that is possible.
func (s *Store) remove(folder, name string) {
	if s.LookOnly {
		return
	}
	f, err := s.open(folder)
	if err != nil {
		return
	}
	defer f.Close()
	_ = f.Remove(name) // it is a miss again
}
