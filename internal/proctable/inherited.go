package proctable

import (
	"os"
	"strings"
)

// mostAncestors bounds the line of ancestors that is looked at.
const mostAncestors = 64

// Inherited returns the value of a variable in the environment of this process or, if
// it is not set there, of the nearest ancestor that was started with it: a program in
// between may drop what it does not know. Empty if there is none. On Windows only this
// process's own counts.
func Inherited(name string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	table, err := Open()
	if err != nil {
		return ""
	}
	defer func() { _ = table.Close() }()
	pid := os.Getppid()
	for range mostAncestors {
		p := Process{Identity: Identity{PID: pid}}
		if pid <= 0 || table.Identify(&p) != nil {
			return ""
		}
		environ, _ := table.Environ(pid) // one that hides it is passed over
		for entry := range strings.SplitSeq(string(environ), "\x00") {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		pid = p.PPID
	}
	return ""
}
