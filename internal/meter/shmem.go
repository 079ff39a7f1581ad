package meter

import (
	"maps"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/memtools"
)

const (
	// minUnknown is the memory of unknown tasks from which files are looked at.
	minUnknown = 8 * memtools.MB
	// lookCost is how many times longer than a look at files took no other one follows:
	// it takes half a percent of a processor at most.
	lookCost = 200
	// mostFiles is how many files of a task are remembered. Those that no process maps are
	// few and large, or too many to look at.
	mostFiles = 1000
)

// shmem decides which tasks hold the shared memory that no process maps: files in /dev/shm
// and on other tmpfs. All of it is the run's, but a task's only with evidence:
//
//   - it came while that task alone ran, in a cgroup that limits the run, as a container's,
//     where hardly anything else runs; or
//   - it is in a file that a process of the task had open.
type shmem struct {
	limited bool // by such a cgroup
	open    func(memtools.Tree) map[proctable.ShmemFile]int64
	of      map[string]memtools.Bytes
	files   map[string]map[proctable.ShmemFile]int64 // by task, with the last sizes
	peaks   map[string]memtools.Bytes                // highest usage, with the files
	grown   memtools.Bytes                           // all of it, at the last sample
	tasks   int                                      // at the last sample
	lone    string                                   // likewise, if it was one
	looked  time.Time
	took    time.Duration
}

func newShmem() *shmem {
	s := &shmem{open: openFiles, of: map[string]memtools.Bytes{}, files: map[string]map[proctable.ShmemFile]int64{}, peaks: map[string]memtools.Bytes{}}
	l, err := memtools.ReadLimits()
	s.limited = err == nil && slices.ContainsFunc(l.Cgroups, func(c memtools.Cgroup) bool { return c.Limit > 0 })
	return s
}

// note takes in what there is at a sample, and the trees of all tasks.
func (s *shmem) note(grown memtools.Bytes, tasks map[string]memtools.Tree) {
	lone := ""
	if len(tasks) == 1 {
		for lone = range tasks {
		}
	}
	if lone != "" && (s.tasks == 0 || s.lone == lone) && s.limited {
		s.of[lone] = max(0, s.of[lone]+grown-s.grown)
	}
	s.grown, s.tasks, s.lone = grown, len(tasks), lone
	if unknown := s.unknown(); (unknown >= minUnknown || unknown < 0) && time.Since(s.looked) >= lookCost*s.took {
		s.look(tasks)
	}
	s.fit()
	for id, of := range s.of {
		if of > 0 {
			s.peaks[id] = max(s.peaks[id], tasks[id].Usage+of)
		}
	}
}

// unknown is what is no task's so far. It is below zero if files were removed.
func (s *shmem) unknown() memtools.Bytes {
	unknown := s.grown
	for _, of := range s.of {
		unknown -= of
	}
	return unknown
}

// look gives each task its files, as far as it does not map them.
func (s *shmem) look(tasks map[string]memtools.Tree) {
	s.looked = time.Now()
	for _, id := range slices.Sorted(maps.Keys(tasks)) {
		before := s.held(id)
		s.update(id, tasks[id])
		now := s.held(id)
		if now < before {
			s.of[id] = max(0, s.of[id]+now-before)
		} else if more := min(now-tasks[id].Shared-s.of[id], s.unknown()); more > 0 {
			s.of[id] += more
		}
	}
	s.took = time.Since(s.looked)
}

// update brings the sizes of a task's files up to date.
func (s *shmem) update(id string, tree memtools.Tree) {
	files, open := s.files[id], s.open(tree)
	if files == nil {
		files = map[proctable.ShmemFile]int64{}
		s.files[id] = files
	}
	for f := range files {
		if _, isOpen := open[f]; isOpen {
			continue
		}
		if files[f] = f.Size(); files[f] == 0 {
			delete(files, f)
		}
	}
	for f, size := range open {
		if _, known := files[f]; known || len(files) < mostFiles {
			files[f] = size
		}
	}
}

// held is the memory of a task's files, as they were last seen.
func (s *shmem) held(id string) (sum memtools.Bytes) {
	for _, size := range s.files[id] {
		sum += memtools.Bytes(size)
	}
	return sum
}

// fit lowers what the tasks hold to what there is, if it is not known whose files were
// removed.
func (s *shmem) fit() {
	unknown := s.unknown()
	if unknown >= 0 {
		return
	}
	share := float64(s.grown) / float64(s.grown-unknown)
	for id, of := range s.of {
		s.of[id] = memtools.Bytes(float64(of) * share)
	}
}

// end forgets a task and returns its highest usage, zero if it held no such memory. What
// it leaves behind is the run's.
func (s *shmem) end(id string) memtools.Bytes {
	peak := s.peaks[id]
	delete(s.of, id)
	delete(s.files, id)
	delete(s.peaks, id)
	return peak
}

// openFiles are the files that the processes of a tree have open.
func openFiles(tree memtools.Tree) map[proctable.ShmemFile]int64 {
	pids := make([]int, len(tree.Processes))
	for i, p := range tree.Processes {
		pids[i] = p.PID
	}
	return proctable.OpenShmem(pids)
}
