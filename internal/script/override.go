package script

import (
	"cmp"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/memtools"
)

// Override is an option for Node that a script's text sets itself. It goes
// before heapmage's for the processes that the script starts with it.
type Override struct {
	// Text is the part of the script that sets it.
	Text string
	// HeapLimit is the old-space limit that it sets; zero if it sets none.
	HeapLimit memtools.Bytes
}

// OverrideIn finds the options for Node that a script's text sets itself, as in
// "cross-env NODE_OPTIONS=--max-old-space-size=8192 tsc". total is the memory
// that a percentage is of. A NODE_OPTIONS is named before a flag; the first heap
// limit counts.
func OverrideIn(text string, total memtools.Bytes) (found Override, ok bool) {
	var flag string // the first heap limit, as written
	for c := range commandsWithin(text) {
		for i, w := range c.words {
			shown, options := w.raw, []string{w.text}
			name, value, hasValue := flagName(w.text)
			switch {
			case name == environ.NodeOptions && strings.HasPrefix(w.raw, name):
				options = strings.Fields(value)
				found.Text = cmp.Or(found.Text, shown)
			case (name == oldSpace || name == oldSpacePercent) && !hasValue && i+1 < len(c.words):
				shown += " " + c.words[i+1].raw
				options = append(options, c.words[i+1].text)
			}
			if limit, ok := heapLimitOf(options, total); ok && flag == "" {
				flag, found.HeapLimit = shown, limit
			}
		}
	}
	found.Text = cmp.Or(found.Text, flag)
	return found, found.Text != ""
}
