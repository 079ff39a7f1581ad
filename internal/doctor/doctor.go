// Package doctor finds what is wrong with a set-up, why it matters, and how to fix
// it. Gather only reads the workspace, and tries one garbage collection in a Node process
// that it starts; the findings are a function of the facts. Nothing is changed without
// Options.Fix, and then only what a finding names.
package doctor

import "github.com/heapmage/heapmage/memtools"

// Level is how much a finding matters.
type Level string

// The levels.
const (
	OK      Level = "ok"      // as it should be
	Fixed   Level = "fixed"   // was not, until Options.Fix
	Warning Level = "warning" // works, but not as well as it could
	Problem Level = "problem" // builds will fail, or are not protected
)

// finding is the result of one check.
type finding struct {
	// Check names what was checked: "node", "node-options", "gc", …
	Check string `json:"check"`
	Level Level  `json:"level"`
	// What was found, Why it matters, and what to Do. Why and Do are empty if the
	// level is OK.
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
	Do   string `json:"do,omitempty"`
	// Packages are those that it is about, empty if it is about all.
	Packages []string `json:"packages,omitempty"`
	// Unused is set if it is about a script that no target runs.
	Unused bool `json:"unused,omitempty"`
	// Fix is what Options.Fix does about it; empty if that has to be left to people.
	Fix string `json:"fix,omitempty"`
	// Changed is what that has changed.
	Changed []string `json:"changed,omitempty"`

	fixes []fix
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
	Limits memtools.Limits
	// MoreRoom is how to get leastFree if less is free.
	MoreRoom       string
	Budget         memtools.Bytes
	HeapLimit      memtools.Bytes
	UserHeapLimit  memtools.Bytes
	UserHeapSource string
	// Kubernetes is true inside a pod.
	Kubernetes bool
	// Engines are versions that packages want and do not get.
	Engines []Engine
	// Manager is the workspace's package manager.
	Manager Manager
	// Overrides are package scripts that set memory flags themselves, with
	// "NODE_OPTIONS=--max-old-space-size=8192" as Text.
	Overrides []Script
	// MissingFiles are files that package scripts start with node and that do not
	// exist, with the file as Text.
	MissingFiles []Script
	// StateError is why .heapmage cannot be written. StateLink is the symbolic link that is
	// in the way.
	StateError, StateLink string
}

// Script is something about a script that packages have in common.
type Script struct {
	Packages []string
	Name     string
	Text     string
	// Unused is set if no target runs it.
	Unused bool

	fixes []fix // of all packages; nil if there is none for one of them
}

// Engine is a version of a program that package.json wants ("engines") and that is not there.
type Engine struct {
	Program  string // "node", "npm", …
	Range    string // such as ">=22"
	Version  string // that is there
	Packages []string
	// Refused is set if the package manager then installs nothing.
	Refused bool
}

// Manager is a package manager as it is declared and as it is here.
type Manager struct {
	Name string
	// Declared is the version that package.json declares, and From where; empty if it
	// declares none.
	Declared, From string
	// Version is that of the program that is used; empty if it is not known.
	Version string
	// Switches is set if the program runs the declared version itself.
	Switches bool
	// Error is why there is no fitting program, and Hint what to do.
	Error, Hint string
}

// examine returns the findings in a fixed order.
func examine(f Facts) []finding {
	var all []finding
	for _, check := range []func(Facts) []finding{node, nodeOptions, engines, manager, collection, limits, container, swap, overrides, missing, state} {
		all = append(all, check(f)...)
	}
	return all
}

// problems counts the findings that are problems.
func problems(findings []finding) int {
	n := 0
	for _, f := range findings {
		if f.Level == Problem {
			n++
		}
	}
	return n
}
