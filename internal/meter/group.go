package meter

import (
	"slices"

	"github.com/heapmage/heapmage/internal/taskcgroup"
	"github.com/heapmage/heapmage/memtools"
)

// group is a task in its own cgroup. The kernel counts there what no process shows, and
// what several share once.
type group struct {
	*taskcgroup.Group
	usage, peak memtools.Bytes // now, and the highest
	tree        memtools.Bytes // the highest usage by the table of processes
	swapped     memtools.Bytes // the most in swap space
	left        bool           // a process was put into another cgroup
}

// note takes in a sample of the tree and returns the task's usage.
func (g *group) note(tree memtools.Tree) memtools.Bytes {
	g.tree = max(g.tree, tree.Usage)
	g.usage = tree.Usage
	if exact, ok := g.Usage(); ok {
		g.usage = exact.Held + g.outside(tree)
		g.swapped = max(g.swapped, exact.Swapped)
	}
	g.peak = max(g.peak, g.usage)
	return g.usage
}

// outside is the usage of what was put into other cgroups, as systemd-run does.
func (g *group) outside(tree memtools.Tree) (sum memtools.Bytes) {
	pids := make([]int, len(tree.Processes))
	for i, p := range tree.Processes {
		pids[i] = p.PID
	}
	outside := g.Outside(pids)
	for _, p := range tree.Processes {
		if slices.Contains(outside, p.PID) {
			sum += p.Usage
			g.left = true
		}
	}
	return sum
}

// end returns the highest usage. tree is that by the table of processes, which knows what
// single processes had between two samples; the kernel knows the most that it can have been.
func (g *group) end(tree memtools.Bytes) memtools.Bytes {
	peak := g.peak + max(0, tree-g.tree)
	if highest, ok := g.Highest(); ok && !g.left {
		peak = min(peak, highest+g.swapped)
	}
	return peak
}
