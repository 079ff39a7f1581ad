package cache

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/confined"
)

// draft is a set of temporary files in the cache, with a lock that shows that their owner
// is alive. Close it.
type draft struct {
	store  *Store
	folder *confined.Folder // the cache
	id     string
	unlock func()
}

// lockSuffix ends the name of the lock of a draft. The names of its files begin with the
// same id.
const lockSuffix = ".lock"

func randomID() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // it does not fail
	return hex.EncodeToString(id[:])
}

func (s *Store) draft(ctx context.Context) (*draft, error) {
	folder, err := s.make()
	if err != nil {
		return nil, Unwritten(err)
	}
	d := &draft{store: s, folder: folder, id: randomID()}
	// Prune, which takes this lock, must not find the draft's before it is locked.
	unlock, err := s.lock(ctx, folder)
	if err == nil {
		defer unlock()
		err = d.in(temps, func(f *confined.Folder) (err error) {
			d.unlock, err = f.TryLock(d.id + lockSuffix)
			return err
		})
	}
	if err != nil {
		_ = folder.Close() // it was only read
		return nil, Unwritten(err)
	}
	return d, nil
}

// in calls do with a folder of the cache.
func (d *draft) in(name string, do func(*confined.Folder) error) error {
	f, err := d.folder.Sub(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return do(f)
}

// create makes a temporary file.
func (d *draft) create(kind string) (file *os.File, err error) {
	err = d.in(temps, func(f *confined.Folder) (err error) {
		file, err = f.Create(d.id + "." + kind)
		return err
	})
	return file, err
}

// write makes a temporary file with some content.
func (d *draft) write(kind string, text []byte) error {
	file, err := d.create(kind)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

// publish gives a temporary file its name, in place of what has it. Hold the lock.
func (d *draft) publish(kind, folder, name string) error {
	// The folders must not be links, and may have been removed.
	if err := d.in(folder, func(*confined.Folder) error { return nil }); err != nil {
		return err
	}
	return d.folder.Rename(temps+"/"+d.id+"."+kind, folder+"/"+name)
}

// close removes what was not published.
func (d *draft) close() {
	d.unlock()
	_ = d.in(temps, func(f *confined.Folder) error {
		for _, kind := range []string{blobs, entries, manifests} {
			_ = f.Remove(d.id + "." + kind) // usually it is gone
		}
		return f.Remove(d.id + lockSuffix)
	})
	_ = d.folder.Close() // it was only read
}

// A draft is removed when its owner is gone: at once where locks tell, which is given a
// minute, since on some file systems they do not; after a day in any case.
const (
	youngDraft = time.Minute
	oldDraft   = 24 * time.Hour
)

var draftFile = regexp.MustCompile(`^[0-9a-f]{16}\.(lock|` + blobs + `|` + entries + `|` + manifests + `)$`)

// pruneDrafts removes what killed processes left. Hold the lock.
func pruneDrafts(cache *confined.Folder) {
	f, err := cache.Sub(temps)
	if err != nil {
		return
	}
	defer f.Close()
	list, err := fs.ReadDir(f.FS(), ".")
	if err != nil {
		return
	}
	for _, e := range list {
		info, err := e.Info()
		if err != nil || e.IsDir() || !draftFile.MatchString(e.Name()) || age(info.ModTime()) < youngDraft {
			continue
		}
		if age(info.ModTime()) < oldDraft {
			id, _, _ := strings.Cut(e.Name(), ".")
			unlock, err := f.TryLock(id + lockSuffix)
			if err != nil {
				continue
			}
			unlock()
			_ = f.Remove(id + lockSuffix) // if it stays, the next one removes it
		}
		_ = f.Remove(e.Name()) // as above
	}
}
