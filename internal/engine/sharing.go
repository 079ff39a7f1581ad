package engine

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// granted returns what a run may use inside of a task of another run, which is what that
// run gave the task. Its heap limits keep to most: a task that runs alone may take more
// than was granted, as long as there is memory.
func granted(env []string, most memtools.Bytes) memtools.Bytes {
	grant, err := strconv.ParseInt(environ.Value(env, environ.Grant), 10, 64)
	if err != nil || grant <= 0 {
		return most
	}
	return min(most, memtools.Bytes(grant))
}

// memory is the last measurement as the scheduler reads it.
func (r *run) memory() schedule.Memory {
	now := r.session.Meter.Last()
	m := schedule.Memory{
		Time: now.Time, Usage: now.Usage, Rest: now.Rest, Budget: now.Budget, Most: r.granted,
		Available: now.Available, Tasks: r.session.Tasks(now),
	}
	r.elders.Uses(now.Time, now.Usage)
	m.Elder = m.Shared() && r.elders.AtWork(now.Time) > 0
	return m
}

// patience is drawn for each run, so that two that wait for each other do not give way at
// the same moment.
func patience() time.Duration { return time.Duration(20+rand.IntN(20)) * time.Second } //nolint:gosec // no secret

// crowded tells that the run waits for memory that other programs hold.
func (r *run) crowded(others memtools.Bytes) {
	text := fmt.Sprintf("Other programs hold %v of the %v that this run may use: it waits until there is room", others, r.granted)
	if pid := r.elders.AtWork(time.Now()); pid > 0 {
		text += fmt.Sprintf("; an older run of heapmage (process %d) goes first", pid)
	}
	r.session.Events.Emit(event.Notice{Kind: event.OthersMemory, Text: text})
}

// mostKills is how often the kernel may kill a task for memory that other programs hold
// before that counts as a failure.
const mostKills = 3

// lackedForOthers returns the outcome of an attempt that the kernel killed, if it did so
// because of other programs: once more, when they leave room.
func (a *attempt) lackedForOthers(res runner.Result) (o schedule.Outcome, text string) {
	last := a.session.Meter.Last() // it has ended: what is missing now is others'
	now := schedule.Memory{Budget: last.Budget, Most: a.granted}
	kills := 1
	for _, before := range a.grant.Before {
		if before.ForOthers && before.Cause != "" {
			kills++
		}
	}
	killed := res.Verdict.Cause == oom.KernelOOM || res.Verdict.Cause == oom.KernelOOMSuspected
	if !killed || kills > mostKills || !now.Crowded() || res.Peak > now.Most-now.Most/4 {
		return schedule.Outcome{Result: schedule.Failed}, ""
	}
	return schedule.Outcome{Result: schedule.Again, ForOthers: true, Need: res.Peak + res.Peak/4, Cause: res.Verdict.Cause},
		fmt.Sprintf("other programs held %v of the memory: trying again once there is room", now.Most-now.Budget)
}
