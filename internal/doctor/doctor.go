// Package doctor finds what is wrong with a set-up, why it matters, and how to fix
// it. It changes nothing in the workspace: Gather reads it and tries one garbage
// collection in a Node process that it starts, and Examine is a function of the facts.
package doctor

import "github.com/heapmage/heapmage/memtools"

// Level is how much a finding matters.
type Level string

// The levels.
const (
	OK      Level = "ok"      // as it should be
	Warning Level = "warning" // works, but not as well as it could
	Problem Level = "problem" // builds will fail, or are not protected
)

// Finding is the result of one check.
type Finding struct {
	// Check names what was checked: "node", "node-options", "gc", …
	Check string `json:"check"`
	Level Level  `json:"level"`
	// What was found, Why it matters, and what to Do. Why and Do are empty if the
	// level is OK.
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
	Do   string `json:"do,omitempty"`
}

// Facts are what Gather saw. A zero field was not looked at, or does not exist.
type Facts struct {
	// NodePath and NodeVersion are those of the node on the PATH. NodeError is why
	// there is none.
	NodePath, NodeVersion string
	NodeMajor             int
	NodeError             string
	// NodeOptions are the options as Node gets them, and NodeOptionsFrom is the
	// settings file that some come from. NodeOptionsError is why Node refuses them.
	NodeOptions      []string
	NodeOptionsFrom  string
	NodeOptionsError string
	// NodeOptionsDead is a word of them at which Node stops reading, and where it stands.
	NodeOptionsDead string
	// GCFreed is what a forced collection in a child process freed. GCError is why
	// that was not possible. GCUnsupported is set on a system without Unix sockets.
	GCFreed       memtools.Bytes
	GCError       string
	GCUnsupported bool
	// Limits are those of the machine and the cgroups. Budget and HeapLimit are
	// what a build would use. UserHeapLimit is what the user set, in
	// UserHeapSource.
	Limits         memtools.Limits
	Budget         memtools.Bytes
	HeapLimit      memtools.Bytes
	UserHeapLimit  memtools.Bytes
	UserHeapSource string
	// Kubernetes is true inside a pod.
	Kubernetes bool
	// Overrides are package scripts that set memory flags themselves, such as
	// "core: the script build sets NODE_OPTIONS=--max-old-space-size=8192 itself".
	Overrides []string
	// MissingFiles are files that package scripts start with node and that do not
	// exist, such as "core: scripts/worker.js, which the script build starts,".
	MissingFiles []string
	// StateError is why .heapmage cannot be written.
	StateError string
}

// Examine returns the findings in a fixed order.
func Examine(f Facts) []Finding {
	var all []Finding
	for _, check := range []func(Facts) []Finding{node, nodeOptions, collection, limits, container, swap, overrides, missing, state} {
		all = append(all, check(f)...)
	}
	return all
}

// Problems counts the findings that are problems.
func Problems(findings []Finding) int {
	n := 0
	for _, f := range findings {
		if f.Level == Problem {
			n++
		}
	}
	return n
}
