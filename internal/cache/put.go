package cache

import (
	"context"
	"io"
	"os"

	"github.com/heapmage/heapmage/internal/filetree"
)

// Stored is what Put did.
type Stored struct {
	// Entry is the one that is stored now: the caller's, with all that Put has set, or
	// the one that stands.
	Entry *Entry
	// Existed is set if there was an entry of the key already.
	Existed bool
	// Equal is set if that has the same files. Logs are not compared.
	Equal bool
}

// Put stores a result: the files of the entry, which are read below root, and the log. Of
// each file only the path must be set: what else is set must be what is found. The first
// entry of a key stands; Put then reports how it compares, and changes nothing.
//
// A file that changes until Put returns, or is not what the entry says, fails it. The
// error is a *NotStored, and nothing of the result is left.
func (s *Store) Put(ctx context.Context, e Entry, root *os.Root, log io.Reader) (Stored, error) {
	return s.put(ctx, e, root, log, false)
}

// Replace is Put, but the new entry stands.
func (s *Store) Replace(ctx context.Context, e Entry, root *os.Root, log io.Reader) (Stored, error) {
	return s.put(ctx, e, root, log, true)
}

func (s *Store) put(ctx context.Context, e Entry, root *os.Root, log io.Reader, replace bool) (Stored, error) {
	if err := filetree.CheckPaths(e.Files); err != nil {
		return Stored{}, unread(err)
	}
	_, release, err := s.take(ctx)
	if err != nil {
		return Stored{}, notStored(Stopped, "", err)
	}
	defer release()
	d, err := s.draft(ctx)
	if err != nil {
		return Stored{}, err
	}
	defer d.close()
	e.Files = append([]filetree.File{}, e.Files...)
	if err := d.pack(ctx, &e, root, log); err != nil {
		return Stored{}, err
	}
	if err := e.check(); err != nil {
		return Stored{}, unread(err)
	}
	h := header{Key: e.Key, Blob: e.Blob, Task: e.Task}
	text, err := seal(&h, &e, largestEntry)
	if err != nil {
		return Stored{}, notStored(Unsuitable, "", err)
	}
	e.Sum = h.Digest
	return d.add(ctx, &e, text, replace)
}

// pack writes the blob, and sets what it finds in the entry.
func (d *draft) pack(ctx context.Context, e *Entry, root *os.Root, log io.Reader) error {
	file, err := d.create(blobs)
	if err != nil {
		return Unwritten(err)
	}
	defer file.Close()
	p, err := newPacker(ctx, file)
	if err != nil {
		return err
	}
	if e.LogSize, e.Log, err = p.add(log); err != nil {
		return unread(err)
	}
	files := filetree.NewReader(root, p.add)
	defer files.Close()
	for i := range e.Files {
		if err := files.Read(&e.Files[i]); err != nil {
			return unread(err)
		}
	}
	if e.Blob, err = p.close(); err != nil {
		return err
	}
	if err := files.Unchanged(e.Files); err != nil {
		return unread(err)
	}
	if err := file.Close(); err != nil {
		return Unwritten(err)
	}
	return nil
}

// add publishes the entry and the blob, unless another entry stands.
func (d *draft) add(ctx context.Context, e *Entry, text []byte, replace bool) (Stored, error) {
	if err := d.write(entries, text); err != nil {
		return Stored{}, Unwritten(err)
	}
	unlock, err := d.store.lock(ctx, d.folder)
	if err != nil {
		return Stored{}, Unwritten(err)
	}
	defer unlock()
	result := Stored{Entry: e}
	if earlier, err := d.store.load(e.Key); err == nil {
		result.Existed, result.Equal = true, filetree.Equal(earlier.Files, e.Files)
		if !replace {
			result.Entry = earlier
			return result, nil
		}
	}
	// An equal blob is replaced: it may be damaged.
	if err := d.publish(blobs, blobs, blobFile(e.Blob)); err != nil {
		return Stored{}, Unwritten(err)
	}
	if err := d.publish(entries, entries, e.Key.entryFile()); err != nil {
		return Stored{}, Unwritten(err)
	}
	return result, nil
}
