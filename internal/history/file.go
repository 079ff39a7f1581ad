package history

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

const (
	// longest is the reader's buffer. It holds every line of ours, even where
	// each byte of its texts takes six.
	longest = 64 << 10
	// aside is how large the file of damaged lines may get, and how much of one
	// line is kept there.
	aside = 1 << 20
	piece = 4 << 10
)

// contents is what a file holds.
type contents struct {
	held
	lines   int // that could be read
	damaged int
	bad     []byte // the damaged lines, cut short where they are long or many
	size    int64
}

// wasteful reports whether most of the file is superseded.
func (c *contents) wasteful() bool { return c.lines > 2*c.count()+64 }

// readFile reads a history without a lock.
func readFile(path string) (contents, error) {
	f, err := os.Open(path)
	if err != nil {
		return contents{}, err
	}
	defer f.Close()
	return read(f)
}

// read reads a history to its end.
func read(from io.Reader) (c contents, err error) {
	r := bufio.NewReaderSize(from, longest)
	for {
		line, err := r.ReadSlice('\n')
		c.size += int64(len(line))
		whole := true
		for errors.Is(err, bufio.ErrBufferFull) {
			if whole {
				c.spoil(line)
				whole = false
			}
			line, err = r.ReadSlice('\n')
			c.size += int64(len(line))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return c, err
		}
		if whole && len(line) > 0 && line[0] != '\n' { // Add may leave an empty one
			if e, bad := parseLine(line); bad != nil {
				c.spoil(line)
			} else {
				c.addEntry(e)
				c.lines++
			}
		}
		if err != nil {
			return c, nil
		}
	}
}

// spoil notes a damaged line.
func (c *contents) spoil(line []byte) {
	c.damaged++
	line = line[:min(len(line), piece)]
	if len(c.bad)+len(line) < aside {
		c.bad = append(c.bad, line...)
		if line[len(line)-1] != '\n' {
			c.bad = append(c.bad, '\n')
		}
	}
}

// lock waits for the lock of the history. It is a file beside it, as the history
// itself is replaced. The wait has an end because another run may be frozen, or
// be below this one, while it has the lock.
func (s *Store) lock() (unlock func(), err error) {
	if err := s.folder(); err != nil {
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

// appendLocked writes one line with one write. s.file is held.
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
		// A run that died in the middle of a line, or a machine that lost its
		// power, must not spoil this line as well.
		var last [1]byte
		if _, err := f.ReadAt(last[:], size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = slices.Concat([]byte{'\n'}, line)
		}
	}
	if _, err := f.Write(line); err != nil {
		return errors.Join(err, f.Truncate(size)) // of a full disk
	}
	return nil
}

// rewriteLocked reads the file anew under the lock, lets change work on what it
// holds, moves damaged lines aside and replaces the file, all or nothing. Where
// change is nil or returns false, and the file is in order, it stays as it is.
// Afterwards the store holds what the file does. s.file is held, or s is not
// shared yet.
func (s *Store) rewriteLocked(change func(*held) bool) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	c, err := readFile(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	changed := change != nil && change(&c.held)
	if changed || c.damaged > 0 || c.wasteful() {
		if c.damaged > 0 {
			if err := s.setAside(c.bad); err != nil {
				return err
			}
		}
		if err := s.replace(&c.held); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if change == nil { // Open
		s.damaged = c.damaged
	}
	s.held, s.similar = c.held, similar{}
	return nil
}

// setAside keeps damaged lines for who wants to know what happened. The file of
// them starts anew where it would become large.
func (s *Store) setAside(bad []byte) (err error) {
	path := s.path + ".damaged"
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if info, err := os.Stat(path); err == nil && info.Size()+int64(len(bad)) > aside {
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

// replace writes h to a file and gives it the name of the history. The other
// name is always the same, so that a run killed here leaves nothing that grows.
func (s *Store) replace(h *held) (err error) {
	temp := s.path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, longest)
	var line []byte
	for _, task := range slices.Sorted(maps.Keys(h.tasks)) {
		for _, r := range h.tasks[task] {
			line = appendLine(line[:0], task, h.sample(r))
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
