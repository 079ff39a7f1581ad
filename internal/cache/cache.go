// Package cache keeps what tasks left, and puts it back. It never makes a result wrong:
// what is put back was verified first, byte for byte, and anything that is damaged,
// missing, of another version or in the way is a Miss with its reason. It does not decide
// which results are equal: keys come from the caller.
//
// Any process may be killed at any time, several may use a cache at once, its folder may
// be removed while they do, and the disk may be full: what is lost is an entry, or a
// needless miss. Nothing is synced to the disk; what a power failure damages is found when
// it is read.
//
// The folder is not trusted: it may come with a repository. No symbolic link is followed,
// neither in it nor on the way to a file of the workspace. docs/cache-format.md describes
// the files.
package cache

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/rundir"
)

// The cache's folder in the workspace, and the folders in it.
const (
	dir       = rundir.Name + "/cache"
	entries   = "entries"
	manifests = "manifests"
	blobs     = "blobs"
	temps     = "tmp"
)

var folders = [...]string{entries, manifests, blobs, temps}

// lockFile is locked while anything is published or removed.
const lockFile = "lock"

// lockWait is how long to wait for the lock. It is usually held for less than a
// millisecond.
const lockWait = 2 * time.Second

// coders is how many results are packed or unpacked at once: more would only take the
// processors from the build.
const coders = 2

// Key names a task's result. What went into it is the caller's.
type Key [sha256.Size]byte

func (k Key) String() string { return fingerprint.Digest(k).String() }

// MarshalText returns the key in hexadecimal.
func (k Key) MarshalText() ([]byte, error) { return fingerprint.Digest(k).MarshalText() }

// UnmarshalText reads 64 hexadecimal digits in lower case.
func (k *Key) UnmarshalText(text []byte) error { return (*fingerprint.Digest)(k).UnmarshalText(text) }

// Store is the cache of a workspace. Its methods may be called by many goroutines, and in
// several processes at once.
type Store struct {
	// LookOnly leaves what is damaged where it is. Set it before the first use, for a
	// command that must change nothing.
	LookOnly bool

	root   string      // of the workspace
	coders chan *coder // bounds how many pack or unpack

	mu    sync.Mutex  // keeps this process's goroutines from polling for the lock
	stuck atomic.Bool // the lock could not be had: nobody waits for it again

	folders sync.Mutex // guards all below
	reading map[string]*confined.Folder
}

// In returns the cache of the workspace at root. Nothing is made before the first Put.
func In(root string) *Store {
	s := &Store{root: root, coders: make(chan *coder, coders), reading: map[string]*confined.Folder{}}
	for range coders {
		s.coders <- &coder{}
	}
	return s
}

// Close lets go of the folders that were read in.
func (s *Store) Close() {
	s.folders.Lock()
	defer s.folders.Unlock()
	for _, f := range s.reading {
		_ = f.Close() // it was only read
	}
	clear(s.reading)
}

// in calls read with a folder of the cache. The folder stays open, as opening it takes
// longer than what is read there. If something is missing in it, it may have been removed
// meanwhile, and another one made: then read is called again with what is there now.
func (s *Store) in(sub string, read func(*confined.Folder) error) error {
	if f := s.kept(sub); f != nil {
		if err := read(f); !missing(err) {
			return err
		}
	}
	f, err := s.open(sub)
	if err != nil {
		return err
	}
	defer f.Close()
	return read(f)
}

// kept is a folder of the cache that stays open; nil if it cannot be opened.
func (s *Store) kept(sub string) *confined.Folder {
	s.folders.Lock()
	defer s.folders.Unlock()
	f := s.reading[sub]
	if f == nil {
		var err error
		if f, err = s.open(sub); err != nil {
			return nil
		}
		s.reading[sub] = f
	}
	return f
}

// open opens the folder of the cache, or one in it.
func (s *Store) open(sub string) (*confined.Folder, error) {
	return confined.Open(s.root, filepath.ToSlash(filepath.Join(dir, sub)))
}

// make is open after making what is missing.
func (s *Store) make() (*confined.Folder, error) {
	if folder, err := s.open(""); err == nil {
		if !slices.ContainsFunc(folders[:], func(sub string) bool { _, err := folder.Lstat(sub); return err != nil }) {
			return folder, nil
		}
		_ = folder.Close() // it is opened again
	}
	top, err := rundir.Make(filepath.Join(s.root, rundir.Name))
	if err != nil {
		return nil, err
	}
	_ = top.Close() // it was only made
	for _, sub := range folders {
		f, err := confined.Make(s.root, dir+"/"+sub)
		if err != nil {
			return nil, err
		}
		_ = f.Close() // it was only made
	}
	return s.open("")
}

// lock keeps others from publishing and removing. If it could not be had once, nobody
// waits for it until it can.
func (s *Store) lock(ctx context.Context, folder *confined.Folder) (unlock func(), err error) {
	s.mu.Lock()
	for end := time.Now().Add(lockWait); ; {
		release, err := folder.TryLock(lockFile)
		if err == nil {
			s.stuck.Store(false)
			return func() { release(); s.mu.Unlock() }, nil
		}
		if !errors.Is(err, confined.ErrLocked) || s.stuck.Load() || ctx.Err() != nil || time.Now().After(end) {
			s.stuck.Store(errors.Is(err, confined.ErrLocked) && ctx.Err() == nil)
			s.mu.Unlock()
			return nil, errors.Join(ctx.Err(), err)
		}
		time.Sleep(time.Millisecond)
	}
}

// take waits until one more result may be packed or unpacked.
func (s *Store) take(ctx context.Context) (with *coder, release func(), err error) {
	select {
	case with = <-s.coders:
		return with, func() { s.coders <- with }, nil
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
}

// missing reports whether an error means that something is not there. A folder of the
// cache that is missing means so too.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
