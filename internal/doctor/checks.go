package doctor

import (
	"fmt"
	"strings"

	"github.com/heapmage/heapmage/memtools"
)

// oldestNode is the oldest Node.js that heapmage is tested with.
const oldestNode = 20

// found is a finding that is not as it should be.
func found(check string, level Level, what, why, do string) finding {
	return finding{Check: check, Level: level, What: what, Why: why, Do: do}
}

func node(f Facts) []finding {
	switch {
	case f.NodeError != "":
		return []finding{found("node", Problem, f.NodeError, "package scripts run with the node on the PATH", "install Node.js 20 or newer, or put its folder on the PATH")}
	case f.NodeVersion == "":
		return nil // a Go workspace
	case f.NodeMajor < oldestNode:
		return []finding{found("node", Warning, fmt.Sprintf("Node %s at %s", f.NodeVersion, f.NodePath), "heapmage is tested with Node 20 and newer", "upgrade Node.js")}
	}
	return []finding{{Check: "node", Level: OK, What: fmt.Sprintf("Node %s at %s", f.NodeVersion, f.NodePath)}}
}

func nodeOptions(f Facts) []finding {
	switch {
	case f.NodeOptionsError != "":
		return []finding{found("node-options", Problem, f.NodeOptionsError, "every Node process of a build ends at once with exit code 9", "remove the option from NODE_OPTIONS, or from the settings file")}
	case f.NodeVersion == "":
		return nil
	case f.NodeOptionsDead != "":
		return []finding{found("node-options", Warning, f.NodeOptionsDead+" is not an option", "Node silently ignores it and all that follows", "remove the word, or fix its quotes")}
	case len(f.NodeOptions) == 0:
		return []finding{{Check: "node-options", Level: OK, What: "no options are set for Node; heapmage sets what it needs"}}
	}
	what := "Node gets " + strings.Join(f.NodeOptions, " ")
	if f.NodeOptionsFrom != "" {
		what += " (from NODE_OPTIONS and " + f.NodeOptionsFrom + ")"
	}
	return []finding{{Check: "node-options", Level: OK, What: what}}
}

func collection(f Facts) []finding {
	switch {
	case f.GCUnsupported:
		return []finding{{Check: "gc", Level: OK, What: "garbage is not collected on this system: an attempt at the limit is stopped and runs again with more room"}}
	case f.GCError != "":
		return []finding{found("gc", Problem, "garbage cannot be collected in a child process: "+f.GCError, "at critical pressure no memory can be freed", "check whether something removes NODE_OPTIONS from the environment of child processes")}
	case f.GCFreed > 0:
		return []finding{{Check: "gc", Level: OK, What: fmt.Sprintf("a forced collection in a busy Node process freed %v", f.GCFreed)}}
	}
	return nil
}

// leastFree is the free memory below which most builds fail.
const leastFree = memtools.GB

func limits(f Facts) []finding {
	l := f.Limits
	if l.Effective == 0 {
		return nil
	}
	findings := []finding{{Check: "memory", Level: OK, What: fmt.Sprintf("%v may be used (%s), %v are free", l.Effective, l.EffectiveSource, l.Available)}}
	if l.Available < leastFree {
		findings[0] = found("memory", Problem, fmt.Sprintf("only %v of %v are free (%s)", l.Available, l.Effective, l.EffectiveSource),
			"a TypeScript build usually needs more, and build:safe refuses to start", f.MoreRoom)
	}
	switch {
	case f.UserHeapLimit > l.Effective:
		findings = append(findings, found("heap-limit", Warning, fmt.Sprintf("the heap limit of %s is %s, but only %v may be used", f.UserHeapSource, f.UserHeapLimit.Short(), l.Effective),
			"without heapmage the kernel kills Node before it reaches the limit, with exit code 137 and no message", fmt.Sprintf("heapmage clamps it; elsewhere set --max-old-space-size=%d", l.Effective*3/4/memtools.MB)))
	case f.UserHeapLimit > 0:
		findings = append(findings, finding{Check: "heap-limit", Level: OK, What: fmt.Sprintf("the heap limit of %s is %s, which fits", f.UserHeapSource, f.UserHeapLimit.Short())})
	case f.HeapLimit > 0:
		findings = append(findings, finding{Check: "heap-limit", Level: OK, What: fmt.Sprintf("heapmage sets a heap limit of %v inside a budget of %v", f.HeapLimit, f.Budget)})
	}
	if l.Soft > 0 && l.Soft < l.Effective {
		findings = append(findings, found("memory-high", Warning, fmt.Sprintf("%s is %v, below the hard limit of %v", l.SoftSource, l.Soft, l.Effective),
			"above it the kernel slows every process until the build seems to stop", "raise memory.high, or set budget: below it"))
	}
	return findings
}

func container(f Facts) []finding {
	bounded := f.Limits.Machine > 0 && f.Limits.Effective < f.Limits.Machine
	switch {
	case f.Kubernetes && !bounded:
		return []finding{found("container", Warning, "this pod has no memory limit", "it shares the node's memory with all other pods, and the kernel chooses which to kill", "set resources.limits.memory of the container")}
	case f.Kubernetes:
		return []finding{found("container", Warning, fmt.Sprintf("this pod is limited to %v", f.Limits.Effective), "since version 1.28 Kubernetes kills the whole container when one process exceeds the limit", fmt.Sprintf("keep budget: below the limit; it is %v now", f.Budget))}
	case bounded:
		return []finding{{Check: "container", Level: OK, What: fmt.Sprintf("%[2]s sets a limit of %[1]v; the machine has %[3]v", f.Limits.Effective, f.Limits.EffectiveSource, f.Limits.Machine)}}
	}
	return nil
}

func swap(f Facts) []finding {
	switch {
	case f.Limits.Machine == 0:
		return nil
	case f.Limits.Swap > 0:
		return []finding{{Check: "swap", Level: OK, What: fmt.Sprintf("%v of swap; heapmage does not count on it", f.Limits.Swap)}}
	}
	return []finding{{Check: "swap", Level: OK, What: "no swap: the kernel kills at once when memory runs out"}}
}

func state(f Facts) []finding {
	if f.StateLink != "" {
		link := found("state", Warning, ".heapmage cannot be written: "+f.StateError, "logs and the history of the tasks' memory are lost", "remove the link; heapmage makes the folder itself")
		link.Fix = "removes the link, not what it points to"
		link.fixes = []fix{removeLink(f.StateLink)}
		return []finding{link}
	}
	if f.StateError != "" {
		return []finding{found("state", Warning, ".heapmage cannot be written: "+f.StateError, "logs and the history of the tasks' memory are lost", "make the workspace's folder writable")}
	}
	return []finding{{Check: "state", Level: OK, What: ".heapmage can be written"}}
}
