// Package clock tells the time for which this process could run. While a process is
// stopped (Ctrl-Z, SIGSTOP, a frozen container) it can neither see nor decide
// anything, so that time counts neither for limits nor for durations.
//
// A stop that was announced with [Exclude] is left out exactly. Another one is noticed
// by the gap that it leaves between two beats of [Watch], and only if it lasts longer
// than a second. A machine so busy that this process gets no processor for a second
// looks the same, and is treated alike.
package clock

import (
	"context"
	"sync"
	"time"
)

const (
	// beat is the time between two signs of life.
	beat = 250 * time.Millisecond
	// gap is how long there may be none before that counts as a stop.
	gap = time.Second
)

// clock is one that stands still while it is stopped.
type clock struct {
	now func() time.Time

	mu      sync.Mutex // guards all below
	lost    time.Duration
	last    time.Time // of the last sign of life; used only while a watch runs
	watches int
	stopped time.Time // since when, in its own time; zero while it runs
}

// process is this process's own.
var process = &clock{now: time.Now}

// Now returns the present less all the time for which this process was stopped.
func Now() time.Time { return process.read() }

// Since returns for how long this process could run since t, a time of Now.
func Since(t time.Time) time.Duration { return process.read().Sub(t) }

// Exclude calls f, whose time does not count.
func Exclude(f func()) { process.exclude(f) }

// Watch notices stops until ctx is done.
func Watch(ctx context.Context) { process.watch(ctx) }

// start is the moment from which Aligned counts.
var start = time.Now()

// Aligned returns how long it is to the next multiple of d from a moment that is the same in all of
// this process: more than nothing, and at most d. Timers that are set to it end together: waking
// costs more than what most of them have to do.
func Aligned(d time.Duration) time.Duration { return aligned(time.Since(start), d) }

// aligned is Aligned at a time after start, or before it if the clock was set.
func aligned(now, d time.Duration) time.Duration { return d - (now%d+d)%d }

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped.IsZero() {
		return c.stopped
	}
	return c.nowLocked()
}

// nowLocked notices a stop that ended just now: this may be the first code that runs
// after it.
func (c *clock) nowLocked() time.Time {
	now := c.now()
	if c.watches > 0 {
		if silence := now.Sub(c.last); silence > gap {
			c.lost += silence - beat
		}
		if now.After(c.last) {
			c.last = now
		}
	}
	return now.Add(-c.lost)
}

func (c *clock) exclude(f func()) {
	c.mu.Lock()
	c.stopped = c.nowLocked()
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		now := c.now()
		c.lost, c.last, c.stopped = now.Sub(c.stopped), now, time.Time{}
	}()
	f()
}

func (c *clock) watch(ctx context.Context) {
	c.mu.Lock()
	if c.watches++; c.watches == 1 {
		c.last = c.now()
	}
	c.mu.Unlock()
	next := time.NewTimer(Aligned(beat))
	defer next.Stop()
	for {
		select {
		case <-next.C:
			c.read()
			next.Reset(Aligned(beat))
		case <-ctx.Done():
			c.mu.Lock()
			c.watches--
			c.mu.Unlock()
			return
		}
	}
}
