package history

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/rundir"
)

// lockPoll is the time between two attempts to take the lock.
const lockPoll = 5 * time.Millisecond

// lock opens the folder of the history, which it makes, and waits for the lock, but no
// longer than patience: another run that has the lock may be frozen, or wait for this
// one. The lock is a file beside the history, because the history itself is replaced.
func (s *Store) lock(patience time.Duration) (folder *confined.Folder, unlock func(), err error) {
	end := time.Now().Add(patience)
	for {
		unlock, err := s.tryLock()
		if err == nil {
			return s.folder, unlock, nil
		}
		if !errors.Is(err, confined.ErrLocked) || !time.Now().Before(end) {
			return nil, nil, err
		}
		time.Sleep(lockPoll)
	}
}

// tryLock takes the lock. The folder stays open from one time to the next; if it was
// removed meanwhile, no file can be made in it, and it is made again.
func (s *Store) tryLock() (unlock func(), err error) {
	if s.folder != nil {
		if unlock, err = s.folder.TryLock(s.name + ".lock"); !errors.Is(err, fs.ErrNotExist) {
			return unlock, err
		}
		s.closeFolder()
	}
	if s.folder, err = rundir.Make(s.dir); err != nil {
		s.folder = nil
		return nil, err
	}
	return s.folder.TryLock(s.name + ".lock")
}

func (s *Store) closeFolder() {
	if s.folder != nil {
		_ = s.folder.Close() // it was only read
		s.folder = nil
	}
}

// append adds lines to the file with one write.
func (s *Store) append(patience time.Duration, lines []byte) (err error) {
	folder, unlock, err := s.lock(patience)
	if err != nil {
		return err
	}
	defer unlock()
	f, err := folder.OpenFile(s.name, os.O_RDWR|os.O_APPEND|os.O_CREATE)
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
			lines = slices.Concat([]byte{'\n'}, lines)
		}
	}
	if _, err := f.Write(lines); err != nil {
		_ = f.Truncate(size) // the disk is full; if that fails, half a line is damaged
		return withoutPath(err)
	}
	return nil
}

// rewriteLocked reads the file again under the lock, lets change edit what it
// holds, moves damaged lines aside and replaces the file, all or nothing. If
// change is nil or returns false, and the file is in order, it stays as it is.
// Afterwards the store holds what the file does. s.file must be held, unless s is
// not shared yet.
func (s *Store) rewriteLocked(patience time.Duration, change func(*samples) bool) error {
	folder, unlock, err := s.lock(patience)
	if err != nil {
		return err
	}
	defer unlock()
	c, err := s.readFile()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	changed := change != nil && change(&c.samples)
	if changed || c.damaged > 0 || c.wasteful() || c.crowded() {
		c.thin()
		if c.damaged > 0 {
			if err := s.setAside(folder, c.bad); err != nil {
				return err
			}
		}
		if err := s.replace(folder, &c.samples); err != nil {
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
func (s *Store) setAside(folder *confined.Folder, bad []byte) error {
	name := s.name + ".damaged"
	var earlier []byte
	if f, err := folder.OpenFile(name, os.O_RDONLY); err == nil {
		earlier, _ = io.ReadAll(io.LimitReader(f, maxAside)) // what was read is enough
		_ = f.Close()
	}
	if len(earlier)+len(bad) > maxAside {
		earlier = nil
	}
	return replaceFile(folder, name, func(w io.Writer) error {
		_, err := w.Write(append(earlier, bad...))
		return err
	})
}

// replace writes all samples to a new file that takes the place of the history.
func (s *Store) replace(folder *confined.Folder, all *samples) error {
	return replaceFile(folder, s.name, func(w io.Writer) error {
		var line []byte
		for _, task := range slices.Sorted(maps.Keys(all.tasks)) {
			for _, r := range all.tasks[task] {
				line = appendLine(line[:0], task, all.sample(r))
				if _, err := w.Write(line); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// replaceFile writes a file in place of another.
func replaceFile(folder *confined.Folder, name string, write func(io.Writer) error) error {
	return folder.Replace(name, func(f *os.File) error {
		w := bufio.NewWriterSize(f, longest)
		// Synced before the rename: otherwise a power cut can leave the name on an
		// empty file.
		return errors.Join(write(w), w.Flush(), f.Sync())
	})
}

// withoutPath is an error without the path of a file.
func withoutPath(err error) error {
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
