// Package history remembers what each task's last runs took and predicts from
// that what the next one needs. What Add has acknowledged is there for the next
// run, whatever is killed in between, and two runs at once lose nothing of each
// other's.
//
// The file holds one sample a line and is only ever appended to or replaced
// whole, under a lock on a file beside it. It costs about 130 bytes a sample on
// disk and 48 in memory. The predictions are pure functions of the samples.
package history

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kept is how many samples of each task are kept.
const Kept = 20

// Store is the history of one workspace. Its methods may be called by many
// goroutines; many processes may have the same file open.
type Store struct {
	path string
	// patience is how long a lock is waited for.
	patience time.Duration

	// file is held for as long as the file is waited for, read and written, mu
	// never: a prediction must not wait for another process. Where both are taken,
	// file is first.
	file sync.Mutex

	mu      sync.Mutex // guards all below
	closed  bool
	damaged int
	held    held
	similar similar  // of held; empty until a prediction asks for it
	scratch []Sample // of Predict
}

// Open reads the history at path, such as ".heapmage/history.jsonl". Where there
// is none, the store is empty, and the first Add makes the file and its folder.
// Lines that cannot be read are moved to path+".damaged", and a file that is
// mostly superseded is rewritten; where neither is permitted, the history is used
// as it is. The error says that there is a file that cannot be read.
func Open(path string) (*Store, error) {
	s := &Store{path: path, patience: 5 * time.Second}
	found, err := readFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the history of earlier runs: %w", err)
	}
	s.held, s.damaged = found.held, found.damaged
	if found.damaged > 0 || found.wasteful() {
		// Half a line may be one that another process is writing, so the file is
		// looked at again under the lock. Whether it can be mended is no matter
		// for who only wants to read it.
		_ = s.rewriteLocked(nil)
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
	return slices.Sorted(maps.Keys(s.held.tasks))
}

// Samples returns what is known of task, the oldest first: its last Kept
// samples, but that those which predictions rest on (the last five successes,
// the largest that died of memory) outlive younger ones which they do not.
func (s *Store) Samples(task string) []Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held.samples(nil, task)
}

// Add remembers x, in memory and on disk. Sizes above 1 PB and times above 49
// days are cut to that, and the rest is kept to the byte and to the millisecond.
// On an error of the disk this store still knows the sample, but the next one
// will not.
func (s *Store) Add(task string, x Sample) error {
	task = strings.ToValidUTF8(task, "\uFFFD")
	if task == "" || len(task) > maxTask {
		return fmt.Errorf("cannot remember a task with a name of %d bytes", len(task))
	}
	if !x.Outcome.valid() {
		return fmt.Errorf("cannot remember %s: no such outcome: %q", task, x.Outcome)
	}
	x = x.normal()
	s.file.Lock()
	defer s.file.Unlock()
	if !s.know(task, x) {
		return fmt.Errorf("cannot remember %s: the history is closed", task)
	}
	if err := s.appendLocked(appendLine(nil, task, x)); err != nil {
		return fmt.Errorf("cannot remember %s in the history: %w", task, err)
	}
	return nil
}

// know adds x to what is held, unless the store is closed.
func (s *Store) know(task string, x Sample) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.held.add(task, x)
	s.similar.update(&s.held, task)
	return true
}

// Compact rewrites the file so that it holds what is kept and nothing else. It
// reads the file anew: afterwards the store also knows what other processes
// added.
func (s *Store) Compact() error {
	s.file.Lock()
	defer s.file.Unlock()
	if s.isClosed() {
		return fmt.Errorf("cannot compact the history: %w", os.ErrClosed)
	}
	if err := s.rewriteLocked(func(*held) bool { return true }); err != nil {
		return fmt.Errorf("cannot compact the history: %w", err)
	}
	return nil
}

// Close ends the use of the store: Add, Import and Compact fail after it. All
// that was added is on disk already.
func (s *Store) Close() error {
	s.file.Lock() // for what is being written
	defer s.file.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Predict says what the task of q probably needs.
func (s *Store) Predict(q Question) Prediction {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scratch = s.held.samples(s.scratch[:0], q.Task)
	return predict(s.scratch, func() []point { return s.similar.to(&s.held, q.Task, q.Tool) }, q)
}

// folder makes the folder of the file.
func (s *Store) folder() error { return os.MkdirAll(filepath.Dir(s.path), 0o755) }
