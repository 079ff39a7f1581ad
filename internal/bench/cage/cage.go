// Package cage limits the memory of a command by a cgroup, and reads what its
// processes used. It needs root on Linux, with cgroups of version 1 or 2; New
// returns an error elsewhere.
package cage

import "github.com/heapmage/heapmage/memtools"

// Process is one living process of a cage.
type Process struct {
	PID       int
	Arguments []string
	Resident  memtools.Bytes // its largest resident set so far
	Private   memtools.Bytes // its anonymous and shared memory now
}

// Counted is what the kernel counted for the whole cage.
type Counted struct {
	Peak  memtools.Bytes // with the page cache
	Kills int            // by the kernel, for memory
}
