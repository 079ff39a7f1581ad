package script

import (
	"regexp"
	"strings"

	"github.com/heapmage/heapmage/memtools"
)

var (
	ownOptions = regexp.MustCompile(`\bNODE_OPTIONS=("[^"]*"|'[^']*'|\S*)`)
	ownFlag    = regexp.MustCompile(`--max[-_]old[-_]space[-_]size(?:[-_]percentage)?[= ]["']?\d+`)
)

// Override is what a script's text says of Node's options itself, which then
// hold in place of ours for the processes that it starts so.
type Override struct {
	// Text is the part of the script that says it.
	Text string
	// HeapLimit is the old-space limit in it; zero where it sets none.
	HeapLimit memtools.Bytes
	// DropsOptions is true where NODE_OPTIONS is set anew, which takes the heap
	// agent away from these processes.
	DropsOptions bool
}

// OverrideIn finds the options for Node that a script's text sets itself, as in
// "cross-env NODE_OPTIONS=--max-old-space-size=8192 tsc". total is what a
// percentage is of.
func OverrideIn(text string, total memtools.Bytes) (Override, bool) {
	var o Override
	if m := ownOptions.FindString(text); m != "" {
		// NODE_OPTIONS="$NODE_OPTIONS …" keeps what we pass.
		o.Text, o.DropsOptions = m, !strings.Contains(m, "$NODE_OPTIONS") && !strings.Contains(m, "${NODE_OPTIONS")
	}
	if m := ownFlag.FindString(text); m != "" {
		if o.Text == "" {
			o.Text = m
		}
		o.HeapLimit, _ = heapLimitOf(strings.Fields(strings.NewReplacer(`"`, "", "'", "").Replace(m)), total)
	}
	return o, o.Text != ""
}
