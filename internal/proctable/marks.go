package proctable

import (
	"bytes"
	"strings"
)

// MarkSeparator separates the ids of nested runs in a mark, the outermost first.
const MarkSeparator = ";"

// Marks returns the values of the variable name in environ, a block of entries
// that each end with a NUL. A variable may occur several times; their values are
// joined with MarkSeparator, as any of them may be the one that a later program
// sees.
func Marks(environ []byte, name string) string {
	var marks string
	for len(environ) > 0 {
		at := bytes.Index(environ, []byte(name))
		if at < 0 {
			break
		}
		starts := at == 0 || environ[at-1] == 0
		rest := environ[at+len(name):]
		value, ok := bytes.CutPrefix(rest, []byte("="))
		if !starts || !ok {
			environ = rest
			if end := bytes.IndexByte(rest, 0); end >= 0 {
				environ = rest[end:]
				continue
			}
			break
		}
		value, environ, _ = bytes.Cut(value, []byte{0})
		if marks != "" {
			marks += MarkSeparator
		}
		marks += string(value)
	}
	return marks
}

// MarkIndex returns where marks names id, or -1. Of two ids the one with the
// higher index is the inner one.
func MarkIndex(marks, id string) int {
	if id == "" || marks == "" {
		return -1
	}
	// Searched for as a whole, not split: an id may contain the separator.
	return strings.LastIndex(MarkSeparator+marks+MarkSeparator, MarkSeparator+id+MarkSeparator)
}
