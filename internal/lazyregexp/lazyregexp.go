// Package lazyregexp makes regular expressions when they are first needed. Those of a program
// that is started for each task would else be made for each task.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns the regular expression of a text, which must be a good one.
func New(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
