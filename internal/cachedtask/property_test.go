//go:build !windows

package cachedtask_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/cachedtask"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/reuse"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/internal/workspace"
)

// checksVariable is how many workspaces TestUnobserved makes.
const checksVariable = "REUSE_CHECKS"

const usualChecks = 5

// scripts are builds. Each leaves the same from the same inputs, but for those that keep what
// is there.
var scripts = []struct{ text, of string }{
	{"mkdir -p dist && cat src/x >dist/main 2>/dev/null || echo none >dist/main", ""},
	{"rm -rf dist && cp -r src dist && echo copied >dist/main", ""},
	{"mkdir -p dist && ls src >dist/main", ""},
	{"mkdir -p dist && { cat .env 2>/dev/null || echo none; } >dist/main", ""},
	{"mkdir -p dist && { cat ../../tool.config 2>/dev/null || echo none; } >dist/main", ""},
	{"mkdir -p dist && { cat ../../shared/base.json 2>/dev/null || echo none; } >dist/main", ""},
	{"echo $WORD >one.gen; mkdir -p dist && cat src/x one.gen >dist/main 2>/dev/null || echo none >dist/main", ""},
	{"rm -rf dist && mkdir dist && cat src/linked >dist/main 2>/dev/null || echo none >dist/main", ""},
	{"mkdir -p dist && cat ../P/dist/main >dist/main && echo more >>dist/main", "P"},
	{"rm -rf dist && cp -r ../P/dist dist", "P"},
	{"mkdir -p dist && { cat ../P/src/x 2>/dev/null || echo none; } >dist/main", "sources of P"},
}

var edits = []string{
	"echo WORD >packages/P/src/x", "echo WORD >packages/P/src/x", "echo WORD >packages/P/src/y", "rm -f packages/P/src/y", "rm -f packages/P/src/x",
	"mv packages/P/src/x packages/P/src/z", "echo WORD >packages/P/.env", "rm -f packages/P/.env", "echo WORD >tool.config", "echo WORD >shared/base.json",
	"rm -rf packages/P/dist", "rm -f packages/P/dist/main", "rm -f packages/P/*.gen", "echo WORD >packages/P/README.md", "touch packages/P/src/x",
	"chmod 755 packages/P/src/x", "chmod 644 packages/P/src/x", "ln -sfn x packages/P/src/linked", "ln -sfn y packages/P/src/linked",
	"rm -rf packages/*/dist packages/*/*.gen", "git add -A; git -c user.name=a -c user.email=a@b.c commit -qm y", "echo mine >packages/P/dist/main", "true",
}

// run is one of a random workspace, with results that were not observed.
type run struct {
	t     *rapid.T
	root  string
	files *reuse.Results
	tasks *cachedtask.Tasks
	graph []*taskgraph.Task
}

func open(t *rapid.T, root string, names []string) *run {
	ws, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	model, err := declared.Load(ws, &config.Config{Cache: config.CacheOn})
	if err != nil {
		t.Fatal(err)
	}
	files, err := reuse.Open(root, filepath.Join(root, "home"))
	if err != nil {
		t.Fatal(err)
	}
	r := &run{t: t, root: root, files: files}
	r.tasks = cachedtask.Open(cachedtask.Setting{Workspace: ws, Declared: model, Environ: func(*workspace.Package) []string { return os.Environ() },
		Digests: files.Digests(), Results: files})
	byDir := map[string]*taskgraph.Task{}
	for _, name := range names { // each after what it depends on
		pkg := ws.At("packages/" + name)
		task := &taskgraph.Task{ID: name + "#build", Package: pkg, Target: "build", Script: "build"}
		for _, d := range pkg.Dependencies {
			task.After = append(task.After, byDir[d.To.Dir])
		}
		byDir[pkg.Dir] = task
		r.graph = append(r.graph, task)
	}
	return r
}

// build runs a task unless its result is known.
func (r *run) build(t *taskgraph.Task) string {
	ctx := r.t.Context()
	task := r.tasks.Kept(ctx, t, nil).Task
	reason := task.Stale
	if reason == "" {
		hit, why, err := r.files.Look(ctx, task.Task)
		if err != nil {
			r.t.Fatal(err)
		}
		if hit != nil {
			return fmt.Sprintf("known, %d written", hit.Written)
		}
		reason = why
	}
	defer r.tasks.Unobserved.Enter(t)()
	watch := r.tasks.Unobserved.Begin(ctx, t, task.Inputs)
	shell(r.t, t.Package.Path, t.Package.Scripts["build"])
	if task.Stale == "" {
		seen, local := watch.Finish(ctx)
		r.files.Keep(ctx, task.Task, reuse.Attempt{Observation: seen, Local: local, Ended: time.Now(), Names: r.tasks.NamedBy, Log: bytes.NewReader(nil)}, false)
	}
	return reason
}

func shell(t *rapid.T, dir, text string) {
	c := exec.Command("sh", "-c", text)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", text, err, out)
	}
}

// left is what is in a folder.
func left(root string) string {
	var b strings.Builder
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, _ := d.Info()
			text, _ := os.ReadFile(path)
			rel, _ := filepath.Rel(root, path)
			fmt.Fprintf(&b, "%s %v %q\n", rel, info.Mode(), text)
		}
		return nil // what is not there is nothing
	})
	return b.String()
}

// TestUnobserved: after any edits, a build that uses results leaves what a build from nothing
// leaves, and a second one has nothing to do. The number of workspaces is in REUSE_CHECKS.
func TestUnobserved(t *testing.T) {
	testkit.RapidChecks(t, checksVariable, usualChecks)
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("WORD", "word")
	runs, hits := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(base, "") //nolint:usetesting // one for each check
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		root := filepath.Join(dir, "ws")
		names, history := newWorkspace(rt, root)
		for range rapid.IntRange(2, 6).Draw(rt, "builds") {
			clean := filepath.Join(dir, "clean")
			shell(rt, dir, "rm -rf clean; cp -a ws clean; cd clean; rm -rf .git .heapmage packages/*/dist packages/*/*.gen")
			r := open(rt, root, names)
			for _, task := range r.graph {
				shell(rt, filepath.Join(clean, task.Package.Dir), task.Package.Scripts["build"])
				got := r.build(task)
				history = append(history, "  "+task.ID+": "+got)
				if strings.HasPrefix(got, "known") {
					hits++
				} else {
					runs++
				}
			}
			if err := r.tasks.Save(); err != nil {
				rt.Fatal(err)
			}
			if err := r.files.Close(); err != nil {
				rt.Fatal(err)
			}
			for _, name := range names {
				if want, got := left(filepath.Join(clean, "packages", name)), left(filepath.Join(root, "packages", name)); want != got {
					rt.Fatalf("%s is\n%s\nwant\n%s\nafter\n%s", name, got, want, strings.Join(history, "\n"))
				}
			}
			for range rapid.IntRange(0, 3).Draw(rt, "edits") {
				text := strings.NewReplacer("P", rapid.SampledFrom(names).Draw(rt, "package"), "WORD", rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "word")).
					Replace(rapid.SampledFrom(edits).Draw(rt, "edit"))
				history = append(history, "edit: "+text)
				shell(rt, root, "{ "+text+"; } 2>/dev/null || true")
			}
		}
	})
	t.Logf("%d runs, %d hits", runs, hits)
	if hits == 0 {
		t.Error("no result was known")
	}
}

// newWorkspace makes a workspace of some packages, each of which may depend on one before it.
func newWorkspace(t *rapid.T, root string) (names, history []string) {
	write := func(name, text string) {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("package.json", `{"name": "top", "private": true, "workspaces": ["packages/*"]}`)
	write("node_modules/.keep", "")
	write(".gitignore", "node_modules\ndist\n*.gen\n.heapmage\n.env\n")
	write("shared/base.json", "{}\n")
	write("tool.config", "c\n")
	for i := range rapid.IntRange(2, 4).Draw(t, "packages") {
		name := fmt.Sprintf("p%d", i)
		s := rapid.SampledFrom(scripts).Draw(t, "script")
		for i == 0 && s.of != "" {
			s = scripts[0]
		}
		depends, text := "", s.text
		if s.of != "" {
			before := names[rapid.IntRange(0, i-1).Draw(t, "before")]
			depends = fmt.Sprintf(`, "dependencies": {%q: "*"}`, before)
			text = strings.ReplaceAll(text, "P", before)
			if s.of != "P" { // as a compiler would that is led there
				write("packages/"+name+"/tsconfig.json", fmt.Sprintf(`{"compilerOptions": {"paths": {"x": ["../%s/src/*"]}}}`, before))
			}
		}
		if strings.Contains(text, "base.json") {
			write("packages/"+name+"/tsconfig.json", `{"extends": "../../shared/base.json"}`)
		}
		write("packages/"+name+"/package.json", fmt.Sprintf(`{"name": %q%s, "scripts": {"build": %q}}`, name, depends, text))
		write("packages/"+name+"/src/x", "x\n")
		write("packages/"+name+"/src/y", "y\n")
		names, history = append(names, name), append(history, name+": "+text)
	}
	shell(t, root, "git init -q && git add -A && git -c user.name=a -c user.email=a@b.c commit -qm x")
	return names, history
}
