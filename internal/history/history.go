// Package history remembers what each task's last runs took. What Add has
// acknowledged is there for the next run, whatever is killed in between, and two
// runs at once lose nothing of each other's. Only while another run holds the lock for
// long, or the disk is full, samples wait in memory for a later Add or for Flush: no
// task waits for its history.
//
// The file holds one sample a line. It is only ever appended to, or replaced
// whole, under a lock on a file beside it. A sample costs about 130 bytes on disk
// and 48 in memory. The folder is not trusted: no symbolic link in it is followed.
package history

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

// Options set up a Store.
type Options struct {
	// ReadOnly keeps everything as it is: nothing is written, and Add and Import fail.
	ReadOnly bool
	// Machine is the memory of this machine. A sample with a peak of more than eight
	// times as much is damaged. Zero means that every size may be.
	Machine memtools.Bytes
}

// Store is the history of one workspace. Its methods may be called by many
// goroutines, and many processes may have the same file open. A nil Store knows
// nothing: it predicts and closes, but remembers nothing.
type Store struct {
	Options
	dir, name string // of the file

	// patience bounds the wait for a lock in Flush and Import.
	patience time.Duration

	// file is held while reading the file or writing it. mu never is: a prediction must
	// not wait for another process. Lock file before mu.
	file    sync.Mutex
	folder  *confined.Folder // of the file; nil before the first write; guarded by file, as the next
	pending []byte           // lines that could not be written yet
	waiting int              // how many
	failed  error            // why; nil if nothing waits

	mu      sync.Mutex // guards all below
	closed  bool
	damaged int
	samples samples
	peers   *estimate.Peers   // of samples; nil until a prediction asks for it
	scratch []estimate.Sample // reused, to save garbage
}

// Open reads the history at path, such as ".heapmage/history.jsonl". If there is
// none, the store is empty, and the first Add makes the file and its folder.
// Lines that cannot be read are moved to path+".damaged", and a file that is
// mostly superseded is rewritten; if neither is permitted, or another run has the lock,
// the history is used as it is. It fails only if there is a file and it cannot be read.
func Open(path string, o Options) (*Store, error) {
	s := &Store{Options: o, dir: filepath.Dir(path), name: filepath.Base(path), patience: time.Second, closed: o.ReadOnly}
	found, err := s.readFile()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the history of earlier runs: %w", err)
	}
	s.samples, s.damaged = found.samples, found.damaged
	if !o.ReadOnly && (found.damaged > 0 || found.wasteful() || found.crowded()) {
		// Half a line may be one that another process is writing, so the file is
		// read again under the lock. A reader does not need it to be fixed, so an
		// error does not matter.
		_ = s.rewriteLocked(0, nil)
	}
	return s, nil
}

// Damaged is the number of lines that could not be read when the store was
// opened.
func (s *Store) Damaged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.damaged
}

// Tasks returns the tasks that have samples, sorted.
func (s *Store) Tasks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.samples.tasks))
}

// Samples returns what is known of task, the oldest first: its last 20 samples,
// except that those which predictions rest on outlive younger ones.
func (s *Store) Samples(task string) []estimate.Sample {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.samples.of(nil, keyOf(task))
}

// EverSucceeded reports whether a task is known to have succeeded, with its arguments or
// without any.
func (s *Store) EverSucceeded(task string) bool {
	all := slices.Concat(s.Samples(task), s.Samples(WithoutArgs(task)))
	return slices.ContainsFunc(all, func(x estimate.Sample) bool { return x.Outcome == estimate.Succeeded })
}

// Predict answers q from the samples of its task and of the others. Until a task has run with
// its arguments, what it took without them counts.
func (s *Store) Predict(q estimate.Question) estimate.Prediction {
	if s == nil {
		return estimate.Predict(q, nil, nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.scratch = s.samples.of(s.scratch[:0], keyOf(q.Task)); len(s.scratch) == 0 {
		q.Task = WithoutArgs(q.Task)
		s.scratch = s.samples.of(s.scratch, keyOf(q.Task))
	}
	return estimate.Predict(q, s.scratch, func() *estimate.Peers {
		if s.peers == nil {
			s.peers = estimate.NewPeers(s.samples.all)
		}
		return s.peers
	})
}

// Add remembers x, in memory and on disk. Sizes above 1 PB and times above 49
// days are cut to that; sizes are kept to the byte, times to the millisecond. It does
// not wait for other runs, nor fail if the sample cannot be written: see Flush.
func (s *Store) Add(task string, x estimate.Sample) error {
	if s == nil {
		return nil
	}
	if task == "" {
		return errors.New("cannot remember a task without a name")
	}
	task = keyOf(task)
	if !slices.Contains(outcomes[:], x.Outcome) {
		return fmt.Errorf("cannot remember %s: no such outcome: %q", task, x.Outcome)
	}
	x = normal(x)
	s.file.Lock()
	defer s.file.Unlock()
	if !s.know(task, x) {
		return fmt.Errorf("cannot remember %s: the history is closed", task)
	}
	s.pending = appendLine(s.pending, task, x)
	s.waiting++
	wait := politeness
	if errors.Is(s.failed, confined.ErrLocked) {
		wait = 0 // the lock is not one of a run that is writing a line
	}
	s.writeLocked(wait)
	return nil
}

// politeness is how long Add waits for a run that is just writing.
const politeness = 20 * time.Millisecond

// writeLocked writes what waits. s.file must be held.
func (s *Store) writeLocked(patience time.Duration) {
	if s.waiting == 0 {
		return
	}
	if s.failed = s.append(patience, s.pending); s.failed == nil {
		s.pending, s.waiting = s.pending[:0], 0
	}
}

// Flush writes the samples that could not be written when they were added. It waits for
// a lock, but no longer than a second. The error tells how many the next run will not
// know, and why.
func (s *Store) Flush() error {
	if s == nil {
		return nil
	}
	s.file.Lock()
	defer s.file.Unlock()
	s.writeLocked(s.patience)
	if s.failed == nil {
		return nil
	}
	return fmt.Errorf("what %d of the tasks took: %w", s.waiting, s.failed)
}

// keyOf is the name of a task in the file: valid text that fits a line.
func keyOf(task string) string {
	task = strings.ToValidUTF8(task, "\uFFFD")
	if len(task) <= maxTask {
		return task
	}
	sum := sha256.Sum256([]byte(task))
	return strings.ToValidUTF8(task[:maxTask/2], "") + "~" + hex.EncodeToString(sum[:8])
}

// know adds x to the samples. It returns false if the store is closed.
func (s *Store) know(task string, x estimate.Sample) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.samples.add(task, x)
	s.scratch = s.samples.of(s.scratch[:0], task)
	s.peers.Set(task, s.scratch)
	return true
}

// Close ends the use of the store: Add and Import fail after it. What still waits to be
// written is tried once more.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	s.file.Lock() // wait for what is being written
	defer s.file.Unlock()
	s.writeLocked(0)
	s.closeFolder()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.failed
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
