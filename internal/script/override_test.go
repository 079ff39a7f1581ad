package script

import (
	"testing"

	"github.com/heapmage/heapmage/memtools"
)

func TestOverrideIn(t *testing.T) {
	for _, tt := range []struct {
		script string
		limit  memtools.Bytes
		drops  bool
		found  bool
	}{
		{"tsc -p .", 0, false, false},
		{"cross-env NODE_OPTIONS=--max-old-space-size=8192 tsc", 8 * memtools.GB, true, true},
		{`NODE_OPTIONS="--max_old_space_size=4096 --trace-warnings" vite build`, 4 * memtools.GB, true, true},
		{"NODE_OPTIONS='--max-old-space-size=512' tsc", 512 * memtools.MB, true, true},
		{`NODE_OPTIONS="$NODE_OPTIONS --max-old-space-size=512" tsc`, 512 * memtools.MB, false, true},
		{"node --max_old_space_size=8192 node_modules/.bin/tsc", 8 * memtools.GB, false, true},
		{"node --max-old-space-size 2048 x.js", 2 * memtools.GB, false, true},
		{"NODE_OPTIONS=--no-warnings tsc", 0, true, true},
		{"node --max-old-space-size-percentage=50 x.js", 8 * memtools.GB, false, true},
	} {
		t.Run(tt.script, func(t *testing.T) {
			got, found := OverrideIn(tt.script, 16*memtools.GB)
			if found != tt.found || got.HeapLimit != tt.limit || got.DropsOptions != tt.drops {
				t.Errorf("got %+v, %v", got, found)
			}
		})
	}
}
