package workspace

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/folder"
)

const goWorkspace = `
-- go.work --
go 1.26.0

use (
	./app // the program
	"./lib"
	./tools
)
-- app/go.mod --
module example.com/app

go 1.26.0

require (
	example.com/lib v0.0.0
	example.com/other v1.0.0 // indirect
	example.com/tools v0.0.0 // indirect
)
-- app/cmd/app/main.go --
// Command app.
package main // the program

func main() {}
-- lib/go.mod --
module "example.com/lib"
-- lib/lib.go --
package lib
-- tools/go.mod --
module example.com/tools

require example.com/lib v0.0.0
-- tools/gen.go --
//go:build ignore

package main
-- tools/testdata/main.go --
package main
-- alone/go.mod --
module example.com/alone
`

func TestGo(t *testing.T) {
	root := lay(t, goWorkspace)
	w := mustLoad(t, filepath.Join(root, "lib"))
	t.Run("takes each module of a go.work for a package, with its requirements", func(t *testing.T) {
		var b strings.Builder
		for _, p := range w.Packages {
			b.WriteString(p.Dir + " " + p.Name)
			for _, d := range p.Dependencies {
				b.WriteString(" >" + d.To.Dir)
			}
			b.WriteString("\n")
		}
		if want := "app example.com/app >lib\nlib example.com/lib\ntools example.com/tools >lib\n"; b.String() != want {
			t.Errorf("%s\nwant %s", b.String(), want)
		}
		if w.Root != root || w.Manager != Go || w.ManagerVersion != "1.26.0" || w.ManagerFrom != "go.work" {
			t.Errorf("%+v", w)
		}
	})
	t.Run("bundles only a module with a program that builds here", func(t *testing.T) {
		for _, p := range w.Packages {
			if _, bundles := p.Scripts["bundle"]; bundles != (p.Dir == "app") {
				t.Errorf("%s: %v", p.Dir, p.Scripts)
			}
		}
	})
	t.Run("has a command for each target", func(t *testing.T) {
		for _, name := range []string{"build", "typecheck", "test", "lint", "lint:fix", "clean"} {
			if w.Packages[0].Scripts[name] == "" {
				t.Errorf("%s is missing", name)
			}
		}
	})
	t.Run("takes a module that no go.work uses for itself", func(t *testing.T) {
		alone := mustLoad(t, filepath.Join(root, "alone"))
		if alone.Root != filepath.Join(root, "alone") || dirs(alone) != "." || alone.RootPackage.Name != "example.com/alone" || alone.RootPackage.Manifest != nil {
			t.Errorf("%+v", alone)
		}
	})
	t.Run("lets a package.json at the same place win", func(t *testing.T) {
		both := mustLoad(t, lay(t, "-- go.mod --\nmodule m\n-- package.json --\n{\"name\": \"js\"}\n"))
		if both.Manager != NPM || dirs(both) != "." {
			t.Errorf("%+v", both)
		}
	})
	t.Run("does not look for a package.json above the repository", func(t *testing.T) {
		home := lay(t, "-- package.json --\n{}\n-- repo/.git/HEAD --\n-- repo/go.mod --\nmodule m\n")
		if w := mustLoad(t, filepath.Join(home, "repo")); w.Manager != Go {
			t.Errorf("%+v", w)
		}
	})
	t.Run("lets modules require each other", func(t *testing.T) {
		ring := mustLoad(t, lay(t, "-- go.work --\nuse ./a\nuse ./b\n-- a/go.mod --\nmodule a.test\nrequire b.test v0.0.0\n-- b/go.mod --\nmodule b.test\nrequire a.test v0.0.0\n"))
		edges, warnings, err := BreakCycles(ring.Packages)
		if err != nil || len(edges) != 1 || len(warnings) != 1 {
			t.Error(edges, warnings, err)
		}
	})
	t.Run("uses the linter that is configured, with go tool if the module lists it", func(t *testing.T) {
		w := mustLoad(t, lay(t, "-- go.mod --\nmodule m\ntool github.com/golangci/golangci-lint/v2/cmd/golangci-lint\n-- .golangci.yml --\n"))
		if got := w.Packages[0].Scripts["lint"]; got != "go tool golangci-lint run ./..." {
			t.Error(got)
		}
		w = mustLoad(t, lay(t, "-- go.mod --\nmodule m\n-- staticcheck.conf --\n"))
		if got := w.Packages[0].Scripts["lint"]; !strings.HasSuffix(got, "go vet ./... && staticcheck ./...") {
			t.Error(got)
		}
	})
}

func TestGoMistakes(t *testing.T) {
	for _, c := range []struct{ claim, files, want string }{
		{"names a folder of go.work without a go.mod", "-- go.work --\nuse ./gone\n", "go.work: uses ./gone, which has no go.mod"},
		{"names the line of a block that does not end", "-- go.mod --\nmodule m\nrequire (\n", "go.mod:2: the block of \"require\""},
		{"names a go.mod without a module", "-- go.mod --\ngo 1.26\n", "go.mod: has no \"module\" line"},
		{"refuses a go.work that uses nothing", "-- go.work --\ngo 1.26\n", "go.work: uses no module"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			if _, err := Load(lay(t, c.files)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

// TestGoCommands runs the commands that stand for scripts: nothing else checks a shell
// line in a string.
func TestGoCommands(t *testing.T) {
	for _, tool := range []string{"sh", "go", "gofmt", "xargs"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("not there:", tool)
		}
	}
	run := func(w *Workspace, script string) (string, error) {
		c := exec.Command("sh", "-c", w.RootPackage.Scripts[script])
		c.Dir = w.Root
		c.Env = append(c.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		out, err := c.CombinedOutput()
		return string(out), err
	}
	const module = "-- go.mod --\nmodule m.test\n\ngo 1.26\n\nignore ./node_modules\n-- ab/main.go --\npackage main\n\nfunc main() {}\n-- testdata/odd.go --\npackage   odd\n-- node_modules/x/x.go --\npackage   x\n"
	t.Run("are all good on a good module, whatever is in testdata and node_modules", func(t *testing.T) {
		w := mustLoad(t, lay(t, module))
		for _, script := range []string{"build", "typecheck", "test", "lint", "lint:fix", "bundle", "clean"} {
			if out, err := run(w, script); err != nil {
				t.Errorf("%s: %v\n%s", script, err, out)
			}
		}
		if !folder.HasFile(w.Root, filepath.Join("bin", "ab")) {
			t.Error("bundle made no program in bin")
		}
	})
	t.Run("name the file that is not formatted, and format it", func(t *testing.T) {
		w := mustLoad(t, lay(t, "-- go.mod --\nmodule m.test\n\ngo 1.26\n-- m.go --\npackage m\nfunc  F() {}\n-- m_test.go --\npackage   m\n"))
		out, err := run(w, "lint")
		if err == nil || !strings.Contains(out, "m.go") || !strings.Contains(out, "m_test.go") {
			t.Errorf("%v\n%s", err, out)
		}
		if out, err := run(w, "lint:fix"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		if out, err := run(w, "lint"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
