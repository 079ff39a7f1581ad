package pool

import (
	"maps"
	"slices"

	"github.com/heapmage/heapmage/memtools"
)

// Stats is a pool at one moment.
type Stats struct {
	// TotalWorkers are those that are there: starting, busy, idle and ending.
	TotalWorkers int `json:"totalWorkers"`
	// BusyWorkers have a task.
	BusyWorkers int `json:"busyWorkers"`
	// IdleWorkers wait for one.
	IdleWorkers int `json:"idleWorkers"`
	// QueuedTasks wait for a worker.
	QueuedTasks int `json:"queuedTasks"`
	// TotalTasksCompleted are those that succeeded since New.
	TotalTasksCompleted int `json:"totalTasksCompleted"`
	// TotalTasksFailed are those that did not, cancelled ones included.
	TotalTasksFailed int `json:"totalTasksFailed"`
	// TotalWorkersRecycled are those replaced for RecycleMemory or RecycleTasks.
	TotalWorkersRecycled int `json:"totalWorkersRecycled"`
	// TotalWorkersCrashed are those that ended when they should not.
	TotalWorkersCrashed int `json:"totalWorkersCrashed"`
	// Usage is what all workers used when they were last measured.
	Usage memtools.Bytes `json:"usage"`
	// Peak is the highest usage that any one worker had.
	Peak memtools.Bytes `json:"peak"`
	// Workers are those that are there, by number.
	Workers []WorkerStats `json:"workers"`
}

// WorkerState is what a worker does.
type WorkerState string

// The states of a worker.
const (
	Starting WorkerState = "starting"
	Idle     WorkerState = "idle"
	Busy     WorkerState = "busy"
	Ending   WorkerState = "ending"
)

// WorkerStats is one worker at one moment.
type WorkerStats struct {
	// Worker is its number, from 1; none is given twice.
	Worker int `json:"worker"`
	// PID is its process; zero for Handlers, and before the start.
	PID   int         `json:"pid"`
	State WorkerState `json:"state"`
	// Tasks is how many it has answered.
	Tasks int `json:"tasks"`
	// Usage is what it used, with all that it started, when it was last
	// measured; Peak is the highest of those figures. While tasks run it is
	// measured every 250 ms. Both are zero for Handlers.
	Usage memtools.Bytes `json:"usage"`
	Peak  memtools.Bytes `json:"peak"`
}

// snapshot is the pool as it is now.
func (d *dispatcher) snapshot() Stats {
	s := d.sums
	s.TotalWorkers, s.QueuedTasks = len(d.slots), len(d.queue)
	for _, n := range slices.Sorted(maps.Keys(d.slots)) {
		w := d.slots[n]
		switch w.state {
		case Busy:
			s.BusyWorkers++
		case Idle:
			s.IdleWorkers++
		}
		s.Usage += w.usage
		s.Workers = append(s.Workers, WorkerStats{Worker: n, PID: w.pid, State: w.state, Tasks: w.tasks, Usage: w.usage, Peak: w.peak})
	}
	return s
}
