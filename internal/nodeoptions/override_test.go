package nodeoptions

import (
	"reflect"
	"slices"
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
		{"node --max-old-space-size=$MAX x.js", 0, "--max-old-space-size=$MAX"},
		{"NODE_OPTIONS=--no-warnings tsc", 0, "NODE_OPTIONS=--no-warnings"},
		{"NODE_OPTIONS=--no-warnings node --max-old-space-size=1024 x.js", memtools.GB, "NODE_OPTIONS=--no-warnings"},
		{"node --max-old-space-size-percentage=50 x.js", 8 * memtools.GB, "--max-old-space-size-percentage=50"},
		{"OLD_NODE_OPTIONS=--no-warnings tsc", 0, ""},
	} {
		t.Run(tt.script, func(t *testing.T) {
			got := OverrideIn(tt.script, 16*memtools.GB)
			if got.Found() != (tt.text != "") || tt.limit > 0 != slices.Contains(got.HeapLimits, tt.limit) || got.Text != tt.text {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestOverrideInTellsWhichLimitsMayBeInForce(t *testing.T) {
	for _, tt := range []struct {
		script string
		want   Override
	}{
		{"NODE_OPTIONS=--no-warnings tsc", Override{Text: "NODE_OPTIONS=--no-warnings", Default: true}},
		{"NODE_OPTIONS= tsc", Override{Text: "NODE_OPTIONS=", Default: true}},
		{`NODE_OPTIONS="$NODE_OPTIONS --no-warnings" tsc`, Override{}},
		{`cross-env NODE_OPTIONS="%NODE_OPTIONS% --no-warnings" tsc`, Override{}},
		{`NODE_OPTIONS="${NODE_OPTIONS:-} --max-old-space-size=512" tsc`, Override{Text: `NODE_OPTIONS="${NODE_OPTIONS:-} --max-old-space-size=512"`, HeapLimits: []memtools.Bytes{512 * memtools.MB}}},
		{"NODE_OPTIONS=$HEAP tsc", Override{Text: "NODE_OPTIONS=$HEAP", Unknown: true}},
		{"NODE_OPTIONS=--max-old-space-size=$MAX tsc", Override{Text: "NODE_OPTIONS=--max-old-space-size=$MAX", Unknown: true}},
		{"node --max-old-space-size=4gb x.js", Override{Text: "--max-old-space-size=4gb", Unknown: true}},
		{`NODE_OPTIONS="tsc --max-old-space-size=512" tsc`, Override{Text: `NODE_OPTIONS="tsc --max-old-space-size=512"`, Default: true}},
		{"unset NODE_OPTIONS && tsc", Override{Text: "NODE_OPTIONS", Default: true}},
		{"env -u NODE_OPTIONS tsc", Override{Text: "NODE_OPTIONS", Default: true}},
		{"env -i PATH=$PATH tsc", Override{Text: "-i", Default: true}},
		{"sed -i s/a/b/ x && tsc", Override{}},
		{"npm run --node-options=--max_old_space_size=512 x", Override{Text: "--node-options=--max_old_space_size=512", HeapLimits: []memtools.Bytes{512 * memtools.MB}}},
		{"pnpm --config.node-options --no-warnings run x", Override{Text: "--config.node-options --no-warnings", Default: true}},
		{"node --max-old-space-size=512 a.js & node --max-old-space-size=256 b.js", Override{Text: "--max-old-space-size=512", HeapLimits: []memtools.Bytes{512 * memtools.MB, 256 * memtools.MB}}},
	} {
		t.Run(tt.script, func(t *testing.T) {
			if got := OverrideIn(tt.script, 16*memtools.GB); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v", got)
			}
		})
	}
}
