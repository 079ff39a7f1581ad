package outputs

import (
	"errors"
	"hash/maphash"
	"io/fs"
	"strings"
	"time"
)

// mostListed bounds a listing. In a package with more outputs nothing is removed.
const mostListed = 100_000

// skew is how far the clock of a file system may be behind.
const skew = 2 * time.Second

// Listing is which outputs were there at one time. It costs about 20 bytes for each.
// The zero value holds none and knows of none: nothing is removed by it.
type Listing struct {
	complete bool
	taken    time.Time
	seed     maphash.Seed
	there    map[uint64]bool // hashes of names: of two with the same, both count as there
}

var errTooMany = errors.New("too many outputs")

// List lists the outputs that are there now, of whatever kind.
func (s Set) List() (l Listing) {
	if len(s.Patterns) == 0 {
		return l
	}
	l = Listing{taken: time.Now(), seed: maphash.MakeSeed(), there: map[uint64]bool{}}
	root, err := s.open()
	if err != nil {
		return l
	}
	defer root.Close()
	complete, err := s.walk(root, func(name string, _ fs.DirEntry) error {
		if len(l.there) >= mostListed {
			return errTooMany
		}
		l.there[l.hash(name)] = true
		return nil
	})
	l.complete = complete && err == nil
	return l
}

// hash is the same for names that may be the same file.
func (l Listing) hash(name string) uint64 { return maphash.String(l.seed, strings.ToLower(name)) }

// RemoveNew removes the outputs that were not there when the listing was taken, and
// were written since, so that the next attempt at the task does not find half a file.
// A link is removed itself, never what it leads to: a second symlink of the same name would
// fail. It leaves folders and what tracked names, which is called at most once. It tries
// every file, and the error names each that remains.
func (s Set) RemoveNew(before Listing, tracked func() map[string]bool) error {
	if !before.complete {
		return nil
	}
	root, err := s.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	var fresh []string
	_, err = s.walk(root, func(name string, d fs.DirEntry) error {
		if d.Type()&^fs.ModeSymlink != 0 || before.there[before.hash(name)] {
			return nil
		}
		// What is older was moved here: it may be the only copy.
		if info, err := d.Info(); err == nil && !info.ModTime().Before(before.taken.Add(-skew)) {
			fresh = append(fresh, name)
		}
		return nil
	})
	if len(fresh) == 0 {
		return err
	}
	kept := tracked()
	errs := []error{err}
	for _, name := range fresh {
		if kept[name] {
			continue
		}
		if err := root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
