// Package history remembers what each task's last runs took. What Add has
// acknowledged is there for the next run, whatever is killed in between, and two
// runs at once lose nothing of each other's.
//
// The file holds one sample a line. It is only ever appended to, or replaced
// whole, under a lock on a file beside it. A sample costs about 130 bytes on disk
// and 48 in memory.
package history

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
)

// Store is the history of one workspace. Its methods may be called by many
// goroutines, and many processes may have the same file open. A nil Store knows
// nothing: it predicts and closes, but remembers nothing.
type Store struct {
	path string
	// patience bounds the wait for a lock.
	patience time.Duration

	// file is held while waiting for the file, reading it or writing it. mu never
	// is: a prediction must not wait for another process. Lock file before mu.
	file sync.Mutex

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
// mostly superseded is rewritten; if neither is permitted, the history is used as
// it is. It fails only if there is a file and it cannot be read.
func Open(path string) (*Store, error) {
	s := &Store{path: path, patience: 5 * time.Second}
	found, err := readFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the history of earlier runs: %w", err)
	}
	s.samples, s.damaged = found.samples, found.damaged
	if found.damaged > 0 || found.wasteful() {
		// Half a line may be one that another process is writing, so the file is
		// read again under the lock. A reader does not need it to be fixed, so an
		// error does not matter.
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
	return slices.Sorted(maps.Keys(s.samples.tasks))
}

// Samples returns what is known of task, the oldest first: its last 20 samples,
// except that those which predictions rest on outlive younger ones.
func (s *Store) Samples(task string) []estimate.Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.samples.of(nil, task)
}

// Predict answers q from the samples of its task and of the others.
func (s *Store) Predict(q estimate.Question) estimate.Prediction {
	if s == nil {
		return estimate.Predict(q, nil, nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scratch = s.samples.of(s.scratch[:0], q.Task)
	return estimate.Predict(q, s.scratch, func() *estimate.Peers {
		if s.peers == nil {
			s.peers = estimate.NewPeers(s.samples.all)
		}
		return s.peers
	})
}

// Add remembers x, in memory and on disk. Sizes above 1 PB and times above 49
// days are cut to that; sizes are kept to the byte, times to the millisecond. If
// it cannot be written, this store still knows the sample, but the next run does
// not.
func (s *Store) Add(task string, x estimate.Sample) error {
	if s == nil {
		return nil
	}
	task = strings.ToValidUTF8(task, "\uFFFD")
	if task == "" || len(task) > maxTask {
		return fmt.Errorf("cannot remember a task with a name of %d bytes", len(task))
	}
	if !slices.Contains(outcomes[:], x.Outcome) {
		return fmt.Errorf("cannot remember %s: no such outcome: %q", task, x.Outcome)
	}
	x = normal(x)
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

// Close ends the use of the store: Add and Import fail after it. Everything that
// was added is on disk already.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	s.file.Lock() // wait for what is being written
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
