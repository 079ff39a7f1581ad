package fingerprint

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// ErrNotFile means that something else than a regular file has the name.
var ErrNotFile = errors.New("it is not a regular file")

// Digests are the digests of files, computed once. They may be used by several goroutines.
type Digests struct {
	file                // paths below its root are kept relative to it
	slots chan struct{} // one for each file that is hashed at a time

	mu    sync.Mutex // guards all below
	known map[string]entry
	added bool
	clock clock
}

// stamp is what tells whether a file is still what it was.
type stamp struct {
	size              int64 // in bytes
	modified, changed int64 // in ns since 1970, by the clock of the file system
	inode, device     uint64
}

// youngest is the later of its times.
func (s stamp) youngest() int64 { return max(s.modified, s.changed) }

type entry struct {
	stamp  stamp
	digest Digest
	used   bool // in this run
}

// Open reads the digests that earlier runs kept in a file of a folder, which is named with
// slashes and relative to root. What cannot be read, or is damaged, counts as empty.
func Open(root, folder, name string) *Digests {
	d := &Digests{file: file{root, folder, name}, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	d.known = parse(d.load(header))
	d.clock.open = d.openClock
	return d
}

// LookOnly has digests write nothing, not even a file to tell the time by. Those that earlier
// runs kept are used all the same. Call it before anything else; Save is not to be called.
func (d *Digests) LookOnly() *Digests {
	d.clock.open = func() *os.File { return nil }
	return d
}

// File returns the digest of a regular file, which is read only if it is not known. The
// error is ErrNotFile or one of the system.
func (d *Digests) File(path string) (Digest, error) {
	s, mode, err := lstat(path)
	if err != nil {
		return Digest{}, err
	}
	if !mode.IsRegular() {
		return Digest{}, ErrNotFile
	}
	return d.digest(path, s)
}

// digest is File for a regular file with that stamp.
func (d *Digests) digest(path string, s stamp) (Digest, error) {
	key := d.key(path)
	d.mu.Lock()
	e, ok := d.known[key]
	if ok && e.stamp == s {
		if !e.used {
			e.used = true
			d.known[key] = e
		}
		d.mu.Unlock()
		return e.digest, nil
	}
	d.mu.Unlock()

	d.slots <- struct{}{}
	defer func() { <-d.slots }()
	digest, before, settled, err := d.hash(path)
	if err != nil {
		return Digest{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if settled {
		d.known[key] = entry{before, digest, true}
		d.added = true
	} else if ok {
		delete(d.known, key)
		d.added = true
	}
	return digest, nil
}

// hash reads a file. settled is true if a later change of it cannot go unnoticed.
func (d *Digests) hash(path string) (digest Digest, before stamp, settled bool, err error) {
	f, err := os.OpenFile(path, readFlags, 0)
	if err != nil {
		return digest, before, false, err
	}
	defer f.Close()
	before, mode, err := fstat(f)
	if err == nil && !mode.IsRegular() {
		err = ErrNotFile
	}
	if err != nil {
		return digest, before, false, err
	}
	settled = d.clock.isPast(before)
	h := sha256.New()
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	// Without these wrappers the copy would go by a buffer of its own.
	if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{f}, *buffer); err != nil {
		return digest, before, false, err
	}
	h.Sum(digest[:0])
	after, _, err := fstat(f)
	return digest, before, settled && after == before, err
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 128<<10); return &b }}

// key is the name under which a path is kept: relative to the root if it lies below it.
func (d *Digests) key(path string) string {
	if below, ok := strings.CutPrefix(path, d.root+string(filepath.Separator)); ok {
		return below
	}
	return path
}

// clock tells whether a time is past, by the clock of the file system on which the
// digests are kept. It is at least as late now as when it last told the time.
type clock struct {
	open func() *os.File // the file whose times tell it; nil if none can be made

	mu     sync.Mutex // guards all below
	file   *os.File
	opened bool
	now    int64  // in ns since 1970; 0 means not known
	device uint64 // of the file system
}

// foreignAge is the age from which a time is past on another file system, whose clock
// may differ.
const foreignAge = time.Hour

// isPast reports whether a file that is changed from now on gets another time than that
// of s.
func (c *clock) isPast(s stamp) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.passed(s) {
		c.tick()
	}
	return c.passed(s)
}

func (c *clock) passed(s stamp) bool {
	limit := c.now
	if s.device != c.device {
		limit -= int64(foreignAge)
	}
	return s.youngest() < limit
}

// tick has the file system tell its time.
func (c *clock) tick() {
	if !c.opened {
		c.file, c.opened = c.open(), true
	}
	if c.file == nil {
		return
	}
	if _, err := c.file.WriteAt([]byte{0}, 0); err != nil {
		return
	}
	if s, _, err := fstat(c.file); err == nil {
		c.now, c.device = s.modified, s.device
	}
}

func (c *clock) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return nil
	}
	f := c.file
	c.file, c.opened = nil, false
	if err := f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}
