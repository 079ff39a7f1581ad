package schedule

import (
	"context"
	"runtime"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Memory is one measurement of the whole run.
type Memory struct {
	// Time is when it was taken. Zero means now.
	Time time.Time
	// Usage is that of the run, Rest the part of it that belongs to no task.
	Usage, Rest memtools.Bytes
	// Budget is what the run may use. Zero means that memory bounds nothing.
	Budget memtools.Bytes
	// Most is what it could use if other programs held nothing. Zero means Budget.
	Most memtools.Bytes
	// Elder is true if an older run that shares the memory is at work: it goes first.
	Elder bool
	// Available is what the run can still take before the kernel acts, and Swap how much
	// more before it kills.
	Available, Swap memtools.Bytes
	// Stalled is the share of time, 0 to 1, for which some process waited for memory.
	Stalled float64
	// Tasks are the usages of the tasks, by job ID.
	Tasks map[string]memtools.Bytes
	// CPU are the processor times of the tasks so far, by job ID. Only their differences
	// count. Nil means that the system does not tell.
	CPU map[string]time.Duration
}

// Options bound a run. The zero value runs one job at a time on one processor, or
// more if they mostly wait.
type Options struct {
	// Slots is how many jobs may run at once. Zero means as many as CPUs allow.
	Slots int
	// CPUs is how many processors there are. Less than 1 counts as 1.
	CPUs float64
	// Memory returns the last measurement. Nil means that memory bounds nothing.
	Memory func() Memory
	// Measured wakes the scheduler after each measurement. Nil means that it only
	// looks at memory when something ends or arrives, and waits for no other program.
	Measured <-chan struct{}
	// Estimate returns what is known of a job now. It is asked again as jobs end, and about
	// a job that its Probe did not end.
	// Nil means what the Job holds.
	Estimate func(id string) Estimate
	// Collect has running attempts give back garbage, if they can. Nil means that
	// none can.
	Collect func()
	// Crowded is called when the run begins to wait for memory that other programs hold,
	// with how much that is: once until they have given it back. Nil means not wanted.
	Crowded func(others memtools.Bytes)
	// Patience is how long all attempts stay frozen for other programs before the newest
	// of them is stopped: they may be waiting for its memory. It should differ from run to
	// run, so it is asked for again after each such stop. Nil means 30 s.
	Patience func() time.Duration
	// KeepFrozen leaves a frozen attempt frozen, with its memory, as long as that
	// does not endanger the run. Otherwise it is stopped when room is short.
	KeepFrozen bool
	// HiddenWaits is set if tasks may wait for each other in ways that After and Follows do
	// not tell: for a port, a pipe, a lock. Then a job does not wait for ever for room that
	// an attempt holds which waits for it, and no attempt stays frozen for one that waits
	// for it: see lull.
	HiddenWaits bool
	// StopAtFailure begins nothing more once a job has failed. Jobs that arrive
	// later are skipped at the end.
	StopAtFailure bool

	// Probe is asked once about each job, when those that it depends on have
	// succeeded and before anything is reserved. True with Done or Failed ends the
	// job, which then takes neither memory nor a slot. Anything else lets it wait
	// for room as usual. It runs on a goroutine of its own and is expected to return
	// soon after ctx is done; Run waits for it. Nil means that every job runs.
	Probe func(ctx context.Context, id string) (Outcome, bool)
	// Probes is how many may run at once. Zero means as many as there are CPUs.
	Probes int

	// Arrivals are jobs that arrive while the run lasts. They may depend on jobs
	// that have ended. The sender closes the channel, and Run does not return before
	// that unless ctx is done; then it takes no more, so a sender must watch ctx too.
	// Nil means none.
	Arrivals <-chan Job

	// Released are IDs of jobs whose attempts turned out to do nothing but wait for jobs that
	// arrive. Such an attempt holds nothing any more, is neither frozen nor stopped, and
	// has no further attempt: if it asks for one it has failed. Another job may have its ID.
	// One that still waits for room ends, and has failed: whoever wanted it is gone. Other
	// IDs are ignored. The channel is read until Run returns or ctx is done, so a sender
	// must watch both. Nil means none.
	Released <-chan string

	// Queued is called once for each job, when those that it depends on have
	// succeeded: before its probe, or before it waits for room. Nil means not wanted.
	Queued func(id string)
	// Skipped is called for each job that will not run. Because is the failed (or
	// unknown) job that it depends on, or empty if the run ended early. Nil means
	// not wanted.
	Skipped func(id, because string)
}

// maxPerCPU is how many jobs may run for each processor, however little they keep
// it busy.
const maxPerCPU = 4

// MostAtOnce is how many jobs may run at once, whatever memory there is.
func (o Options) MostAtOnce() int {
	if o.Slots > 0 {
		return o.Slots
	}
	return int(maxPerCPU * o.cpus())
}

func (o Options) cpus() float64 { return max(1, o.CPUs) }

// mostProbes is how many probes may run at once. CPUs may be infinite.
func (o Options) mostProbes() int {
	if o.Probes > 0 {
		return o.Probes
	}
	return int(min(o.cpus(), float64(runtime.NumCPU())))
}
