package pool

import (
	"maps"
	"slices"

	"github.com/heapmage/heapmage/memtools"
)

// Stats is a pool at one moment. The totals count from its start.
type Stats struct {
	// TotalWorkers is how many workers there are: starting, idle, busy and ending.
	TotalWorkers int `json:"totalWorkers"`
	// BusyWorkers is how many have a task.
	BusyWorkers int `json:"busyWorkers"`
	// IdleWorkers is how many wait for one.
	IdleWorkers int `json:"idleWorkers"`
	// QueuedTasks is how many tasks wait for a worker.
	QueuedTasks int `json:"queuedTasks"`
	// TotalTasksCompleted is how many tasks succeeded.
	TotalTasksCompleted int `json:"totalTasksCompleted"`
	// TotalTasksFailed is how many did not, cancelled ones included.
	TotalTasksFailed int `json:"totalTasksFailed"`
	// TotalWorkersRecycled is how many workers were replaced, for RecycleMemory or
	// RecycleTasks.
	TotalWorkersRecycled int `json:"totalWorkersRecycled"`
	// TotalWorkersCrashed is how many died during a task or at their start, or ended
	// with a failure while they were idle.
	TotalWorkersCrashed int `json:"totalWorkersCrashed"`
	// Usage is the memory of all workers, as last measured.
	Usage memtools.Bytes `json:"usage"`
	// Peak is the highest usage that any one worker had.
	Peak memtools.Bytes `json:"peak"`
	// Workers are the workers that there are, by ascending number.
	Workers []WorkerStats `json:"workers"`
}

// WorkerState is what a worker is doing.
type WorkerState string

// The states of a worker, in the order in which it goes through them. From Busy
// it returns to Idle.
const (
	Starting WorkerState = "starting"
	Idle     WorkerState = "idle"
	Busy     WorkerState = "busy"
	Ending   WorkerState = "ending"
)

// WorkerStats is one worker at one moment.
type WorkerStats struct {
	// Worker is its number, from 1. No number is used twice.
	Worker int `json:"worker"`
	// PID is its process. Zero means that it has not started yet, or has none.
	PID int `json:"pid"`
	// State is what it is doing.
	State WorkerState `json:"state"`
	// Tasks is how many tasks it has answered, failures included.
	Tasks int `json:"tasks"`
	// Usage is its memory and that of all processes that it started, as last
	// measured: every 250 ms while tasks run. Peak is the highest of these figures.
	// Both are zero if the worker has no process.
	Usage memtools.Bytes `json:"usage"`
	Peak  memtools.Bytes `json:"peak"`
}

// snapshot returns the pool as it is now.
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
		case Starting, Ending: // counted in TotalWorkers alone
		}
		s.Usage += w.usage
		s.Workers = append(s.Workers, WorkerStats{Worker: n, PID: w.pid, State: w.state, Tasks: w.tasks, Usage: w.usage, Peak: w.peak})
	}
	return s
}
