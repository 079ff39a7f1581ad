package script

import (
	"cmp"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/scripttext"
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
	for c := range scripttext.CommandsWithin(text) {
		for i, w := range c.Words {
			shown, options := w.Raw, []string{w.Text}
			name, value, hasValue := flagName(w.Text)
			switch {
			case name == environ.NodeOptions && strings.HasPrefix(w.Raw, name):
				options = strings.Fields(value)
				found.Text = cmp.Or(found.Text, shown)
			case (name == oldSpace || name == oldSpacePercent) && !hasValue && i+1 < len(c.Words):
				shown += " " + c.Words[i+1].Raw
				options = append(options, c.Words[i+1].Text)
			}
			if limit, ok := heapLimitOf(options, total); ok && flag == "" {
				flag, found.HeapLimit = shown, limit
			}
		}
	}
	found.Text = cmp.Or(found.Text, flag)
	return found, found.Text != ""
}
