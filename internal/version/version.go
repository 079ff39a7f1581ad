// Package version tells which version of heapmage a program has.
package version

import (
	"runtime/debug"
	"strings"
)

const module = "github.com/heapmage/heapmage"

// stamp is what the linker sets in a released program: the version between Before and After.
var stamp string

// The version in a released program stands between these, so that it can be found in the
// file of a program that does not run on this system.
const (
	Before = "heapmage@"
	After  = ";"
)

// Variable is the name of the variable that the linker is to set (-ldflags "-X NAME=VALUE").
const Variable = module + "/internal/version.stamp"

// Number returns the version, such as 1.2.3: that of the release or, in targets that were compiled
// from a magefile, that of the module in its go.mod. It is empty if neither is known.
func Number() string {
	if stamp != "" {
		return strings.TrimSuffix(strings.TrimPrefix(stamp, Before), After)
	}
	info, _ := debug.ReadBuildInfo() // without one there are no modules
	if info == nil {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == module && m.Replace == nil {
			return strings.TrimPrefix(m.Version, "v")
		}
	}
	return ""
}
