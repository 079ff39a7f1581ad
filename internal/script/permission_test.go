package script

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/workspace"
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
			options, err := splitNodeOptions(tt.env)
			if err != nil {
				t.Fatal(err)
			}
			s := &Settings{ws: &workspace.Workspace{Manager: workspace.NPM, RootPackage: root}, hooks: true, options: userOptions{words: options}}
			pkg := &workspace.Package{Dir: "a", Path: dir, Scripts: tt.scripts, Manifest: []byte("{}")}
			if got := s.Restricted(pkg, "build"); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
