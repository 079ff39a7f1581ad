package script

import (
	"testing"

	"github.com/heapmage/heapmage/memtools"
)

func TestOverrideIn(t *testing.T) {
	for _, tt := range []struct {
		script string
		limit  memtools.Bytes
		text   string
	}{
		{"tsc -p .", 0, ""},
		{"cross-env NODE_OPTIONS=--max-old-space-size=8192 tsc", 8 * memtools.GB, "NODE_OPTIONS=--max-old-space-size=8192"},
		{`NODE_OPTIONS="--max_old_space_size=4096 --trace-warnings" vite build`, 4 * memtools.GB, `NODE_OPTIONS="--max_old_space_size=4096 --trace-warnings"`},
		{"NODE_OPTIONS='--max-old-space-size=512' tsc", 512 * memtools.MB, "NODE_OPTIONS='--max-old-space-size=512'"},
		{`NODE_OPTIONS="$NODE_OPTIONS --max-old-space-size=512" tsc`, 512 * memtools.MB, `NODE_OPTIONS="$NODE_OPTIONS --max-old-space-size=512"`},
		{"set NODE_OPTIONS=--max_old_space_size=4096&& tsc", 4 * memtools.GB, "NODE_OPTIONS=--max_old_space_size=4096"},
		{`cross-env "NODE_OPTIONS=--max-old-space-size=512 --no-warnings" tsc`, 512 * memtools.MB, "NODE_OPTIONS=--max-old-space-size=512"},
		{`concurrently "NODE_OPTIONS=--max-old-space-size=512 tsc -b" "vite build"`, 512 * memtools.MB, "NODE_OPTIONS=--max-old-space-size=512"},
		{"sh -c 'cd a && node --max-old-space-size=512 b.js'", 512 * memtools.MB, "--max-old-space-size=512"},
		{"node --max_old_space_size=8192 node_modules/.bin/tsc", 8 * memtools.GB, "--max_old_space_size=8192"},
		{"node --max-old-space-size 2048 x.js", 2 * memtools.GB, "--max-old-space-size 2048"},
		{"node --max-old-space-size=$MAX x.js", 0, ""},
		{"NODE_OPTIONS=--no-warnings tsc", 0, "NODE_OPTIONS=--no-warnings"},
		{"NODE_OPTIONS=--no-warnings node --max-old-space-size=1024 x.js", memtools.GB, "NODE_OPTIONS=--no-warnings"},
		{"node --max-old-space-size-percentage=50 x.js", 8 * memtools.GB, "--max-old-space-size-percentage=50"},
		{"OLD_NODE_OPTIONS=--no-warnings tsc", 0, ""},
	} {
		t.Run(tt.script, func(t *testing.T) {
			got, found := OverrideIn(tt.script, 16*memtools.GB)
			if found != (tt.text != "") || got.HeapLimit != tt.limit || got.Text != tt.text {
				t.Errorf("got %+v, %v", got, found)
			}
		})
	}
}
