// Package cpushare tells how fast tasks advance that share processors. It costs some 15 additions
// for each task.
package cpushare

import "slices"

// Part returns which part of a processor, above 0 and at most 1, each thread gets if tasks share
// CPUs that keep so many processors busy when nothing disturbs them. One that keeps less than a
// processor busy has one thread, which waits for something else the rest of the time.
func Part(cpus float64, busy []float64) float64 {
	cpus = max(1, cpus)
	wanted := 0.0
	for _, b := range busy {
		wanted += b
	}
	if wanted <= cpus {
		return 1
	}
	low, high := cpus/wanted, 1.0 // those that wait leave a part of theirs to others
	for slices.Min(busy) < 1 && high-low > 1e-4 {
		part, taken := (low+high)/2, 0.0
		for _, b := range busy {
			taken += b * Rate(b, part)
		}
		if taken <= cpus {
			low = part
		} else {
			high = part
		}
	}
	return low
}

// Rate is how fast a task advances, from 0 to 1, if each of its threads gets a part of a
// processor.
func Rate(busy, part float64) float64 {
	if busy < 1 {
		return 1 / (1 - busy + busy/part)
	}
	return part
}
