// Package environ names every environment variable that heapmage sets or reads,
// and looks variables up in an environment.
//
// Names are declared here and nowhere else: a name that one package sets and
// another does not know is refused as a misspelt setting, and only in the
// process where both meet. A test keeps other packages from spelling them.
package environ

import (
	"runtime"
	"slices"
	"strings"
)

// Lookup returns the value of a variable in an environment of "NAME=value"
// entries, and whether it is set. Of several entries the last one counts, as it
// does for a child started with them (os/exec.Cmd.Env). The letter case of names
// matters except on Windows.
func Lookup(environ []string, name string) (value string, ok bool) {
	for _, entry := range slices.Backward(environ) {
		if known, value, ok := strings.Cut(entry, "="); ok && SameName(known, name) {
			return value, true
		}
	}
	return "", false
}

// Value is the value of a variable; empty if it is not set.
func Value(environ []string, name string) string {
	value, _ := Lookup(environ, name)
	return value
}

// Without returns a copy of an environment that lacks a variable.
func Without(environ []string, name string) []string {
	kept := make([]string, 0, len(environ))
	for _, entry := range environ {
		if known, _, _ := strings.Cut(entry, "="); !SameName(known, name) {
			kept = append(kept, entry)
		}
	}
	return kept
}

// HomeDir is the user's folder as Node's os.homedir finds it on a system, which is named as
// in GOOS; empty if no variable tells.
func HomeDir(environ []string, system string) string {
	if system == "windows" {
		return Value(environ, UserProfile)
	}
	return Value(environ, Home)
}

// LeastSecret is the length in bytes from which a value is looked for as a secret: shorter ones are in any
// text.
const LeastSecret = 8

// NamesSecret reports whether a variable is called as those are that hold a credential.
func NamesSecret(name string) bool {
	name = strings.ToUpper(name)
	return strings.Contains(name, "TOKEN") || strings.Contains(name, "SECRET") || strings.Contains(name, "PASSWORD") ||
		strings.Contains(name, "PASSWD") || strings.Contains(name, "CREDENTIAL") || strings.HasSuffix(name, "_KEY") || strings.HasSuffix(name, "_AUTH")
}

// SameName reports whether two names mean the same variable on this system.
func SameName(a, b string) bool {
	if runtime.GOOS == "windows" {
		return strings.EqualFold(a, b)
	}
	return a == b
}
