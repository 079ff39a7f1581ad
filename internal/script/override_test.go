package script

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/workspace"
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
			got, found := OverrideIn(tt.script, 16*memtools.GB)
			if found != (tt.text != "") || tt.limit > 0 != slices.Contains(got.HeapLimits, tt.limit) || got.Text != tt.text {
				t.Errorf("got %+v, %v", got, found)
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
			if got, ok := OverrideIn(tt.script, 16*memtools.GB); !reflect.DeepEqual(got, tt.want) || ok != tt.want.found() {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestOverrideIsFoundInWhatAScriptRuns(t *testing.T) {
	const set = "node --max-old-space-size=512 x.js"
	for _, tt := range []struct {
		claim   string
		scripts map[string]string
		program string
		want    bool
	}{
		{"in a hook", map[string]string{"prebuild": set, "build": "tsc"}, "", true},
		{"in a script that it runs", map[string]string{"build": "npm run gen", "gen": set}, "", true},
		{"in the hook of one", map[string]string{"build": "npm run gen", "gen": "tsc", "postgen": set}, "", true},
		{"in one of a group", map[string]string{"build": "npm-run-all build:*", "build:a": "tsc", "build:b": set}, "", true},
		{"in the root", map[string]string{"build": "cd ../.. && npm run heavy"}, "", true},
		{"in another package", map[string]string{"build": "pnpm --filter=@x/other... run heavy"}, "", true},
		{"in another package by its folder", map[string]string{"build": "npm run heavy -w ./packages/other"}, "", true},
		{"in a program", map[string]string{"build": "node build.js"}, `spawn("node", ["--max-old-space-size=512", "x"])`, true},
		{"not in a script that it does not run", map[string]string{"build": "tsc", "gen": set}, "", false},
		{"not for a pattern of files", map[string]string{"build": "prettier *", "gen": set}, "", false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "build.js"), []byte(tt.program), 0o600); err != nil {
				t.Fatal(err)
			}
			heavy := map[string]string{}
			other := &workspace.Package{Dir: "packages/other", DeclaredName: "@x/other", Scripts: heavy, Manifest: []byte("{}")}
			root := &workspace.Package{Dir: ".", Scripts: heavy, Manifest: []byte("{}")}
			if strings.Contains(tt.claim, "root") {
				root.Scripts = map[string]string{"heavy": set}
			}
			if strings.Contains(tt.claim, "another") {
				other.Scripts = map[string]string{"heavy": set}
			}
			pkg := &workspace.Package{Dir: "packages/a", Path: dir, Scripts: tt.scripts, Manifest: []byte("{}")}
			ws := &workspace.Workspace{Manager: workspace.NPM, RootPackage: root, Packages: []*workspace.Package{pkg, other}}
			s := &Settings{ws: ws, hooks: true, byWord: packagesByWord(ws.All())}
			got, ok := s.Override(pkg, "build", 0)
			if ok != tt.want || ok && !slices.Equal(got.HeapLimits, []memtools.Bytes{512 * memtools.MB}) {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
}
