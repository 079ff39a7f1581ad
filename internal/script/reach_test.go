package script

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

func TestRestricted(t *testing.T) {
	for _, tt := range []struct {
		claim   string
		scripts map[string]string
		file    string // gen.sh
		env     string // NODE_OPTIONS
		want    bool
	}{
		{"a script without it is not", map[string]string{"build": "tsc -b && node gen.js"}, "", "", false},
		{"one with it is", map[string]string{"build": "tsc -b && node --permission --allow-fs-read=. gen.js"}, "", "", true},
		{"also as Node 20 calls it", map[string]string{"build": "node --experimental-permission gen.js"}, "", "", true},
		{"and in another program's text", map[string]string{"build": `node -e "spawn('node',['--permission','gen.js'])"`}, "", "", true},
		{"and in its own NODE_OPTIONS", map[string]string{"build": `NODE_OPTIONS="--permission" node gen.js`}, "", "", true},
		{"and in the user's", map[string]string{"build": "tsc"}, "", "--trace-uncaught --permission", true},
		{"another option is not", map[string]string{"build": "tool --permissions --permission-mode=x"}, "", "", false},
		{"in a hook it counts", map[string]string{"prebuild": "node --permission gen.js", "build": "tsc"}, "", "", true},
		{"in a script that is not run it does not", map[string]string{"build": "tsc", "serve": "node --permission gen.js"}, "", "", false},
		{"in one that it runs it does", map[string]string{"build": "npm run gen", "gen": "npm run gen:two", "gen:two": "node --permission gen.js"}, "", "", true},
		{"also beside another one", map[string]string{"build": `concurrently "npm:gen" "tsc"`, "gen": "node --permission gen.js"}, "", "", true},
		{"also if they run each other", map[string]string{"build": "npm run gen", "gen": "npm run build"}, "", "", false},
		{"also in the root package", map[string]string{"build": "cd ../.. && npm run of-root"}, "", "", true},
		{"and in a program of the package", map[string]string{"build": "sh ./gen.sh"}, "exec node --permission gen.js\n", "", true},
		{"a program without it is not", map[string]string{"build": "sh ./gen.sh"}, "exec node gen.js\n", "", false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "gen.sh"), []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			root := &workspace.Package{Dir: ".", Scripts: map[string]string{"of-root": "node --permission gen.js"}}
			options := strings.Fields(tt.env)
			s := &Settings{ws: &workspace.Workspace{Manager: workspace.NPM, RootPackage: root}, hooks: true, nodeSettings: nodeSettings{options: nodeoptions.User{Words: options}}}
			pkg := &workspace.Package{Dir: "a", Path: dir, Scripts: tt.scripts, Manifest: []byte("{}")}
			if got := s.Restricted(pkg, "build"); got != tt.want {
				t.Errorf("got %v", got)
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
			s := &Settings{ws: ws, hooks: true}
			got := s.Override(pkg, "build", 0)
			if got.Found() != tt.want || tt.want && !slices.Equal(got.HeapLimits, []memtools.Bytes{512 * memtools.MB}) {
				t.Errorf("got %+v", got)
			}
		})
	}
}
