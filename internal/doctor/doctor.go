// Package doctor looks at a set-up and says what is wrong with it: the guide's
// troubleshooting as a program. It is pure: facts come in, findings go out.
package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/memtools"
)

// Level says how much a finding matters.
type Level string

// The levels.
const (
	OK      Level = "ok"      // as it should be
	Warning Level = "warning" // works, but not as well as it could
	Problem Level = "problem" // builds will fail or are not protected
)

// Finding is one thing that was looked at.
type Finding struct {
	// Check names what was looked at: "node", "node-options", "gc", …
	Check string `json:"check"`
	Level Level  `json:"level"`
	// What was found, Why it matters, and what to Do; the last two are empty
	// where all is well.
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
	Do   string `json:"do,omitempty"`
}

// Facts are what was seen of a set-up. A zero field was not looked at, or is
// not there.
type Facts struct {
	// NodePath and NodeVersion are those of the node on the PATH; NodeError is
	// why there is none.
	NodePath, NodeVersion string
	NodeMajor             int
	NodeError             string
	// NodeOptions are the options as Node gets them; NodeOptionsError is why Node
	// refuses them.
	NodeOptions      []string
	NodeOptionsFrom  string
	NodeOptionsError string
	// GCFreed is what a forced collection in a child gave back; GCError is why it
	// could not be had.
	GCFreed memtools.Bytes
	GCError string
	// Limits are those of machine and cgroups; HeapLimit is what builds would set,
	// UserHeapLimit what the user set, at UserHeapSource.
	Limits         memtools.Limits
	Budget         memtools.Bytes
	HeapLimit      memtools.Bytes
	UserHeapLimit  memtools.Bytes
	UserHeapSource string
	// Kubernetes is true inside a pod.
	Kubernetes bool
	// Overrides are package scripts that set memory flags themselves, as
	// "core#build: NODE_OPTIONS=--max-old-space-size=8192 tsc".
	Overrides []string
	// MissingFiles are files that package scripts start with node and that do not
	// exist, as "core#build: scripts/buildWorker.js".
	MissingFiles []string
	// StateError is why .heapmage cannot be written.
	StateError string
}

// oldestNode is the oldest Node.js that heapmage is tested with.
const oldestNode = 20

// Examine returns the findings in a fixed order.
func Examine(f Facts) []Finding {
	var all []Finding
	for _, check := range []func(Facts) []Finding{node, nodeOptions, collection, limits, container, swap, overrides, missing, state} {
		all = append(all, check(f)...)
	}
	return all
}

// Healthy reports whether no finding is a problem.
func Healthy(findings []Finding) bool {
	return !slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == Problem })
}

func node(f Facts) []Finding {
	switch {
	case f.NodeError != "":
		return []Finding{{"node", Problem, f.NodeError, "package scripts run with the node on the PATH", "install Node.js 20 or newer, or put its folder on the PATH"}}
	case f.NodeVersion == "":
		return nil // a Go workspace
	case f.NodeMajor < oldestNode:
		return []Finding{{"node", Warning, fmt.Sprintf("Node %s at %s", f.NodeVersion, f.NodePath), "heapmage is tested with Node 20 and newer", "upgrade Node.js"}}
	}
	return []Finding{{Check: "node", Level: OK, What: fmt.Sprintf("Node %s at %s", f.NodeVersion, f.NodePath)}}
}

func nodeOptions(f Facts) []Finding {
	switch {
	case f.NodeOptionsError != "":
		return []Finding{{"node-options", Problem, f.NodeOptionsError, "every Node process of a build ends at once with exit code 9", "take the option out of NODE_OPTIONS or out of the settings file"}}
	case f.NodeVersion == "":
		return nil
	case len(f.NodeOptions) == 0:
		return []Finding{{Check: "node-options", Level: OK, What: "no options are set for Node; heapmage sets what it needs"}}
	}
	what := "Node gets " + strings.Join(f.NodeOptions, " ")
	if f.NodeOptionsFrom != "" {
		what += " (from NODE_OPTIONS and " + f.NodeOptionsFrom + ")"
	}
	return []Finding{{Check: "node-options", Level: OK, What: what}}
}

func collection(f Facts) []Finding {
	switch {
	case f.GCError != "":
		return []Finding{{"gc", Problem, "garbage cannot be collected in a child: " + f.GCError, "at critical pressure nothing can be given back", "see whether something removes NODE_OPTIONS from the environment of child processes"}}
	case f.GCFreed > 0:
		return []Finding{{Check: "gc", Level: OK, What: fmt.Sprintf("a forced collection in a busy Node process gave back %v", f.GCFreed)}}
	}
	return nil
}

func limits(f Facts) []Finding {
	l := f.Limits
	if l.Effective == 0 {
		return nil
	}
	findings := []Finding{{Check: "memory", Level: OK, What: fmt.Sprintf("%v may be used (%s), %v are free", l.Effective, l.EffectiveSource, l.Available)}}
	if l.Available < memtools.GB {
		findings[0] = Finding{"memory", Problem, fmt.Sprintf("only %v of %v are free (%s)", l.Available, l.Effective, l.EffectiveSource),
			"a build of TypeScript usually needs more, and build:safe refuses to start", "close other programs, or give the container more memory"}
	}
	switch {
	case f.UserHeapLimit > l.Effective:
		findings = append(findings, Finding{"heap-limit", Warning, fmt.Sprintf("the heap limit of %s is %s, but there are only %v", f.UserHeapSource, f.UserHeapLimit.Short(), l.Effective),
			"without heapmage the kernel kills Node before it reaches its limit, with exit code 137 and no message", fmt.Sprintf("heapmage clamps it; elsewhere set --max-old-space-size=%d", l.Effective*3/4/memtools.MB)})
	case f.UserHeapLimit > 0:
		findings = append(findings, Finding{Check: "heap-limit", Level: OK, What: fmt.Sprintf("the heap limit of %s is %s, which fits", f.UserHeapSource, f.UserHeapLimit.Short())})
	case f.HeapLimit > 0:
		findings = append(findings, Finding{Check: "heap-limit", Level: OK, What: fmt.Sprintf("heapmage sets a heap limit of %v inside a budget of %v", f.HeapLimit, f.Budget)})
	}
	if l.Soft > 0 && l.Soft < l.Effective {
		findings = append(findings, Finding{"memory-high", Warning, fmt.Sprintf("%s is %v, below the hard limit of %v", l.SoftSource, l.Soft, l.Effective),
			"above it the kernel slows every process down until the build seems to stand still", "raise memory.high, or set budget: below it"})
	}
	return findings
}

func container(f Facts) []Finding {
	bounded := f.Limits.Machine > 0 && f.Limits.Effective < f.Limits.Machine
	switch {
	case f.Kubernetes && !bounded:
		return []Finding{{"container", Warning, "this pod has no memory limit", "the node's memory is shared with all its other pods, and the kernel chooses whom to kill", "set resources.limits.memory of the container"}}
	case f.Kubernetes:
		return []Finding{{"container", Warning, fmt.Sprintf("this pod is limited to %v", f.Limits.Effective), "Kubernetes 1.28 and newer kills the whole container when one process passes the limit", fmt.Sprintf("keep budget: below that; it is %v now", f.Budget)}}
	case bounded:
		return []Finding{{Check: "container", Level: OK, What: fmt.Sprintf("a limit of %v is set by %s, of %v in this machine", f.Limits.Effective, f.Limits.EffectiveSource, f.Limits.Machine)}}
	}
	return nil
}

func swap(f Facts) []Finding {
	switch {
	case f.Limits.Machine == 0:
		return nil
	case f.Limits.Swap > 0:
		return []Finding{{Check: "swap", Level: OK, What: fmt.Sprintf("%v of swap; heapmage does not count on it", f.Limits.Swap)}}
	}
	return []Finding{{Check: "swap", Level: OK, What: "no swap: what passes the memory is killed at once"}}
}

func overrides(f Facts) []Finding {
	var findings []Finding
	for _, o := range f.Overrides {
		findings = append(findings, Finding{"script", Warning, o, "a heap limit inside a script wins over heapmage's, and is not clamped to the memory there is", "take it out of the script, and set heapLimit: under packages: in heapmage.yaml"})
	}
	return findings
}

func missing(f Facts) []Finding {
	var findings []Finding
	for _, m := range f.MissingFiles {
		findings = append(findings, Finding{"worker", Problem, m + " does not exist", "node fails at once with MODULE_NOT_FOUND", "mend the path in the script"})
	}
	return findings
}

func state(f Facts) []Finding {
	if f.StateError != "" {
		return []Finding{{"state", Warning, ".heapmage cannot be written: " + f.StateError, "logs and what was learned of earlier runs are lost", "make the workspace's folder writable"}}
	}
	return []Finding{{Check: "state", Level: OK, What: ".heapmage can be written"}}
}
