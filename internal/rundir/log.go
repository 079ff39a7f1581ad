package rundir

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/memtools"
)

var unsafe = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// longestStem bounds the name of a log before its suffixes. Most file systems allow
// names of 255 bytes.
const longestStem = 120

// inMemory is the most that is kept in memory of the end of a log that cannot be
// written. At least half of it is kept.
const inMemory = int(memtools.MB)

// Log takes the output of one attempt at a task. Writing never fails: if the disk is
// full or the folder cannot be used, up to the last MB is kept in memory until Close,
// which tries again to write it.
type Log struct {
	// Path is the file of the log.
	Path string

	run  *Run
	name string

	mu      sync.Mutex // guards all below
	file    *os.File   // nil if it could not be made
	size    int64      // of what is in the file
	rest    []byte     // what comes after it
	dropped int64      // between the two
	err     error      // why
	closed  bool       // it is read from its file
}

// Log makes the file for the output of one attempt at a task; attempts count from 1.
// No two tasks share a file, even where upper and lower case are the same. Close it.
func (r *Run) Log(task string, attempt int) *Log {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := r.nameLocked(task)
	if attempt > 1 {
		name += fmt.Sprintf(".%d", attempt)
	}
	name += ".log"
	l := &Log{Path: filepath.Join(r.Dir, logs, name), run: r, name: name}
	l.file, l.err = r.createLocked(name)
	r.open[l.Path] = l
	return l
}

func (r *Run) nameLocked(task string) string {
	stem := trimmed(task)
	if len(stem) > longestStem {
		sum := sha256.Sum256([]byte(task))
		stem = stem[:longestStem] + "-" + hex.EncodeToString(sum[:8])
	}
	name := stem
	for n := 2; ; n++ {
		owner, taken := r.tasks[strings.ToLower(name)]
		if !taken || owner == task {
			break
		}
		name = fmt.Sprintf("%s~%d", stem, n)
	}
	r.tasks[strings.ToLower(name)] = task
	return name
}

// createLocked makes a file among the logs. If the folder was removed, it makes that
// again.
func (r *Run) createLocked(name string) (*os.File, error) {
	if r.logs != nil {
		if f, err := r.logs.Create(name); err == nil {
			return f, nil
		}
	}
	if err := r.remakeLocked(); err != nil {
		return nil, err
	}
	return r.logs.Create(name)
}

// Write takes output. It always succeeds.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := p
	if l.file != nil && len(l.rest) == 0 {
		n, err := l.file.Write(p)
		l.size += int64(n)
		rest = p[n:]
		l.err = cmp.Or(l.err, err)
	}
	l.keepLocked(rest)
	return len(p), nil
}

// keepLocked keeps the end of what cannot be written. If that is too much, the disk
// gets another chance first.
func (l *Log) keepLocked(p []byte) {
	if len(l.rest)+len(p) > inMemory && len(l.rest) > 0 {
		l.flushLocked()
	}
	if len(l.rest)+len(p) > inMemory {
		// Half goes at once, so that many small writes do not each move the rest.
		more := len(l.rest) + len(p) - inMemory/2
		l.dropped += int64(more)
		ofRest := min(more, len(l.rest))
		l.rest = append(l.rest[:0], l.rest[ofRest:]...)
		p = p[more-ofRest:]
	}
	l.rest = append(l.rest, p...)
}

// flushLocked writes what is in memory. What was dropped before it leaves a gap.
func (l *Log) flushLocked() {
	if l.file == nil || len(l.rest) == 0 {
		return
	}
	n, err := l.file.Write(l.rest)
	l.size += int64(n)
	l.rest = l.rest[n:]
	l.err = cmp.Or(l.err, err)
}

// ReadAt reads what was kept so far.
func (l *Log) ReadAt(p []byte, off int64) (int, error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return l.run.readAt(l.Path, p, off)
	}
	defer l.mu.Unlock()
	n := 0
	if off < l.size {
		var err error
		if n, err = l.file.ReadAt(p[:min(int64(len(p)), l.size-off)], off); err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
	}
	if at := off + int64(n) - l.size; at >= 0 && at < int64(len(l.rest)) {
		n += copy(p[n:], l.rest[at:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// kept is how much there is to read, in bytes.
func (l *Log) kept() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size + int64(len(l.rest))
}

// Close ends the log. If its file was removed meanwhile, it is written again.
func (l *Log) Close() {
	l.run.mu.Lock()
	defer l.run.mu.Unlock()
	delete(l.run.open, l.Path)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushLocked()
	missing := l.dropped + int64(len(l.rest))
	if l.file == nil || !l.run.holdsLocked(l.name, l.file) {
		if err := l.rewriteLocked(); err != nil {
			l.err = cmp.Or(l.err, err)
			missing = l.dropped + l.size + int64(len(l.rest))
		} else {
			missing = l.dropped
		}
	}
	if l.file != nil {
		_ = l.file.Close() // each write was checked
		l.file = nil
	}
	l.size, l.rest, l.closed = 0, nil, true
	if missing > 0 {
		if l.run.incomplete == nil {
			l.run.incomplete = map[string]bool{}
		}
		l.run.incomplete[l.Path] = true
		l.run.lost.bytes += missing
		l.run.lost.logs++
		l.run.lost.err = cmp.Or(l.run.lost.err, l.err)
	}
}

// holdsLocked reports whether a log's name still leads to its file.
func (r *Run) holdsLocked(name string, file *os.File) bool {
	if r.logs == nil {
		return false
	}
	now, err := r.logs.Lstat(name)
	if err != nil {
		return false
	}
	was, err := file.Stat()
	return err == nil && os.SameFile(was, now)
}

// rewriteLocked writes the log to a new file. An empty log needs none.
func (l *Log) rewriteLocked() error {
	if l.size+int64(len(l.rest)) == 0 {
		return nil
	}
	f, err := l.run.createLocked(l.name)
	if err != nil {
		return err
	}
	if l.file != nil {
		_, err = io.Copy(f, io.NewSectionReader(l.file, 0, l.size))
	}
	if err == nil {
		_, err = f.Write(l.rest)
	}
	return errors.Join(err, f.Close())
}

// Source is a log to read from.
type Source interface {
	io.ReaderAt
	// Size is the log's in bytes.
	Size() int64
	// Whole is false if a part is missing, so that offsets are not those of the output.
	Whole() bool
	Close() error
}

// Read opens the log at a path, which may still be written.
func (r *Run) Read(path string) (Source, error) {
	r.mu.Lock()
	l, incomplete := r.open[path], r.incomplete[path]
	r.mu.Unlock()
	if l != nil {
		return unclosed{l}, nil
	}
	folder, err := confined.Open(filepath.Dir(r.Dir), filepath.Base(r.Dir)+"/"+logs)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	f, err := folder.OpenFile(filepath.Base(path), os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return written{f, info.Size(), !incomplete}, nil
}

// readAt reads from the log at a path.
func (r *Run) readAt(path string, p []byte, off int64) (int, error) {
	log, err := r.Read(path)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	return log.ReadAt(p, off)
}

// Look calls look with what was kept of the log at a path, and its size. It does not if the log
// cannot be read.
func (r *Run) Look(path string, look func(text io.ReaderAt, size int64)) {
	log, err := r.Read(path)
	if err != nil {
		return
	}
	defer log.Close()
	look(log, log.Size())
}

// unclosed is a log that its attempt closes.
type unclosed struct{ *Log }

func (u unclosed) Size() int64 { return u.kept() }
func (unclosed) Close() error  { return nil }

func (u unclosed) Whole() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.dropped == 0
}

// written is a log that was closed.
type written struct {
	*os.File
	size  int64
	whole bool
}

func (w written) Size() int64 { return w.size }
func (w written) Whole() bool { return w.whole }
