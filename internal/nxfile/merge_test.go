package nxfile

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/workspace"
)

// Each claim was seen of Nx 24; TestLikeNxProjects of internal/declared compares many more.
func TestMerge(t *testing.T) {
	for _, tt := range []struct{ claim, defaults, pkg, project, want string }{
		{"a script", `{}`, `{}`, ``, `nx:run-script {"script":"build"}`},
		{"what is usual is under it", `{"build": {"dependsOn": ["^build"]}}`, `{}`, ``, `nx:run-script {"script":"build"} [^build]`},
		{"also by a pattern, the longest", `{"b*": {"dependsOn": ["a"]}, "bui*": {"dependsOn": ["b"]}}`, `{}`, ``, `nx:run-script {"script":"build"} [b]`},
		{"the executor goes before the name", `{"build": {"dependsOn": ["a"]}, "nx:run-script": {"dependsOn": ["b"]}}`, `{}`, ``, `nx:run-script {"script":"build"} [b]`},
		{"what is usual for another executor is dropped whole", `{"build": {"command": "x", "dependsOn": ["a"]}}`, `{}`, ``, `nx:run-script {"script":"build"}`},
		{"another command in project.json drops what package.json says", `{}`, `{"targets": {"build": {"command": "x", "dependsOn": ["a"]}}}`, `{"targets": {"build": {"command": "y"}}}`, `nx:run-commands {"command":"y"}`},
		{"and leaves what no file runs", `{}`, `{"targets": {"build": {"dependsOn": ["a"]}}}`, `{"targets": {"build": {"command": "y"}}}`, `nx:run-commands {"command":"y"} [a]`},
		{"the default configuration counts over all files", `{"build": {"configurations": {"p": {"n": 2}}, "defaultConfiguration": "p"}}`, `{"targets": {"build": {"options": {"n": 1}}}}`, ``, `nx:run-script {"n":2,"script":"build"}`},
		{"one that stands for others", `{}`, `{"includedScripts": [], "targets": {"build": {"dependsOn": ["a"]}}}`, ``, `  [a]`},
		{"one that is nothing", `{}`, `{"includedScripts": [], "targets": {"build": {"cache": true}}}`, ``, `none`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			root := t.TempDir()
			files := map[string]string{"nx.json": `{"targetDefaults": ` + tt.defaults + `}`}
			if tt.project != "" {
				files["project.json"] = tt.project
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			r, err := ReadRoot(root)
			if err != nil {
				t.Fatal(err)
			}
			p, err := ReadProject(root, &workspace.Package{Dir: ".", Manifest: []byte(`{"nx": ` + tt.pkg + `}`)})
			if err != nil {
				t.Fatal(err)
			}
			got := "none"
			if m, ok := r.Merge(p, map[string]string{"build": "x"})["build"]; ok {
				options, _ := json.Marshal(m.Options)
				got = strings.TrimSuffix(m.Executor+" "+string(options), "{}")
				for _, l := range m.Layers {
					if l.DependsOn != nil {
						got += fmt.Sprint(" ", l.DependsOn)
					}
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
