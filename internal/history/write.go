package history

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// lock waits for the lock of the history and makes its folder. The lock is a file
// beside the history, because the history itself is replaced. The wait is
// bounded: another run that has the lock may be frozen, or wait for this one.
func (s *Store) lock() (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o755); err != nil {
		return nil, err
	}
	type answer struct {
		f   *lockedfile.File
		err error
	}
	got := make(chan answer, 1)
	go func() {
		f, err := lockedfile.OpenFile(s.path+".lock", os.O_RDWR|os.O_CREATE, 0o644)
		got <- answer{f, err}
	}()
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case a := <-got:
		if a.err != nil {
			return nil, a.err
		}
		return func() { _ = a.f.Close() }, nil
	case <-timer.C:
		go func() { // ends when the other run goes on or ends
			if a := <-got; a.err == nil {
				_ = a.f.Close()
			}
		}()
		return nil, fmt.Errorf("another run has held %s.lock for %v", s.path, s.patience)
	}
}

// appendLocked writes one line with one write. s.file must be held.
func (s *Store) appendLocked(line []byte) (err error) {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	if size > 0 {
		// If a run died in the middle of a line, or the machine lost its power,
		// that must not spoil this line as well.
		var last [1]byte
		if _, err := f.ReadAt(last[:], size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = slices.Concat([]byte{'\n'}, line)
		}
	}
	if _, err := f.Write(line); err != nil {
		return errors.Join(err, f.Truncate(size)) // the disk is full
	}
	return nil
}

// rewriteLocked reads the file again under the lock, lets change edit what it
// holds, moves damaged lines aside and replaces the file, all or nothing. If
// change is nil or returns false, and the file is in order, it stays as it is.
// Afterwards the store holds what the file does. s.file must be held, unless s is
// not shared yet.
func (s *Store) rewriteLocked(change func(*samples) bool) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	c, err := readFile(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	changed := change != nil && change(&c.samples)
	if changed || c.damaged > 0 || c.wasteful() {
		if c.damaged > 0 {
			if err := s.setAside(c.bad); err != nil {
				return err
			}
		}
		if err := s.replace(&c.samples); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if change == nil { // Open
		s.damaged = c.damaged
	}
	s.samples, s.peers = c.samples, nil
	return nil
}

// setAside keeps damaged lines, so that someone can find out what happened. It
// starts their file again before it becomes large.
func (s *Store) setAside(bad []byte) (err error) {
	path := s.path + ".damaged"
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if info, err := os.Stat(path); err == nil && info.Size()+int64(len(bad)) > maxAside {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(bad)
	return err
}

// replace writes all samples to a new file and renames it to the history. The
// new file always has the same name, so that killed runs leave no more than one.
func (s *Store) replace(all *samples) (err error) {
	temp := s.path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, longest)
	var line []byte
	for _, task := range slices.Sorted(maps.Keys(all.tasks)) {
		for _, r := range all.tasks[task] {
			line = appendLine(line[:0], task, all.sample(r))
			if _, err := w.Write(line); err != nil {
				return errors.Join(err, f.Close())
			}
		}
	}
	// Synced before the rename: otherwise a power cut can leave the name on an
	// empty file.
	if err := errors.Join(w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(temp, s.path)
}
