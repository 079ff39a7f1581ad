package declared

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/nxcommand"
	"github.com/heapmage/heapmage/internal/nxfile"
	"github.com/heapmage/heapmage/internal/workspace"
)

// TestLikeNxProjects draws workspaces and compares what is read of their projects with what
// Nx reads, as `nx show project --json` has it. NX is the path of a nx program,
// NX_CASES how many workspaces there are.
func TestLikeNxProjects(t *testing.T) {
	nx := os.Getenv("NX")
	if nx == "" {
		t.Skip("NX is not set: it is the path of a nx program to compare with")
	}
	cases, _ := strconv.Atoi(cmp.Or(os.Getenv("NX_CASES"), "12"))
	for seed := range cases {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			files := anyNxProjects(rand.New(rand.NewPCG(11, uint64(seed))))
			var text strings.Builder
			for _, name := range slices.Sorted(maps.Keys(files)) {
				content, err := json.Marshal(files[name])
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&text, "-- %s --\n%s\n", name, content)
			}
			ws, _ := repository(t, text.String())
			compareNxProjects(t, nx, ws)
			if t.Failed() {
				t.Log(text.String())
			}
		})
	}
}

// TestLikeNxProjectsIn compares in repositories on disk, whose folders are in
// NX_REPOSITORIES, written as PATH is. Nothing in them is run but what Nx runs to read them. One
// without node_modules is given those of NX.
func TestLikeNxProjectsIn(t *testing.T) {
	nx, folders := os.Getenv("NX"), filepath.SplitList(os.Getenv("NX_REPOSITORIES"))
	if nx == "" || len(folders) == 0 {
		t.Skip("NX or NX_REPOSITORIES is not set: a nx program, and folders to compare in")
	}
	for _, root := range folders {
		t.Run(filepath.Base(root), func(t *testing.T) {
			ws, err := workspace.Load(root)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d targets of %d packages", compareNxProjects(t, nx, ws), len(ws.Packages))
		})
	}
}

// nxData is a project as Nx reads it.
type nxData struct {
	Targets              map[string]map[string]json.RawMessage
	ImplicitDependencies []string
	Root                 string
}

// compareNxProjects returns how many targets were compared.
func compareNxProjects(t *testing.T, program string, ws *workspace.Workspace) (compared int) {
	t.Helper()
	if err := os.Symlink(filepath.Dir(filepath.Dir(program)), filepath.Join(ws.Root, "node_modules")); err != nil && !os.IsExist(err) {
		t.Skip("symbolic links cannot be made here:", err)
	}
	file := filepath.Join(t.TempDir(), "graph.json") // has all projects, each as `nx show project` has it
	cmd := exec.Command(program, "graph", "--file="+file)
	cmd.Dir, cmd.Env = ws.Root, append(os.Environ(), "NX_DAEMON=false", "NX_NO_CLOUD=true", "NX_TUI=false", "CI=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var graph struct {
		Graph struct {
			Nodes map[string]struct{ Data nxData }
		}
	}
	if err := json.Unmarshal(text, &graph); err != nil {
		t.Fatal(err)
	}
	theirs := map[string]nxData{}
	for _, node := range graph.Graph.Nodes {
		theirs[node.Data.Root] = node.Data
	}
	c := &config.Config{}
	m, err := Load(ws, c)
	if err != nil {
		t.Fatal(err)
	}
	n := m.sources[slices.IndexFunc(m.sources, func(s source) bool { _, ok := s.(*nx); return ok })].(*nx)
	for _, pkg := range ws.Packages {
		if pkg.Dir == "." {
			continue
		}
		project, ok := theirs[pkg.Dir]
		if !ok {
			t.Errorf("Nx has no project in %s", pkg.Dir)
			continue
		}
		own := n.project(pkg)
		if got, want := slices.Sorted(slices.Values(own.Implicit)), slices.Sorted(slices.Values(project.ImplicitDependencies)); !slices.Equal(got, want) {
			t.Errorf("%s depends on %q, for Nx on %q", pkg.Dir, got, want)
		}
		names := map[string]bool{}
		for name := range pkg.Scripts {
			names[name] = n.has(pkg, name)
		}
		for name := range own.Targets {
			names[name] = n.has(pkg, name)
		}
		for name := range project.Targets {
			names[name] = names[name] || false
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			target, has := project.Targets[name]
			if has != names[name] {
				t.Errorf("%s#%s: we have it %v, Nx %v", pkg.Dir, name, names[name], has)
			}
			if has && names[name] {
				compared++
				compareNxTarget(t, n, pkg, name, target)
			}
		}
	}
	return compared
}

func compareNxTarget(t *testing.T, n *nx, pkg *workspace.Package, name string, theirs map[string]json.RawMessage) {
	t.Helper()
	merged, _ := n.target(pkg, name)
	ours, executor, options := taskOf(merged), merged.Executor, merged.Options
	p, err := nxfile.ReadProject(t.TempDir(), &workspace.Package{Dir: ".", Manifest: manifest(name, theirs)})
	if err != nil {
		t.Fatal(err)
	}
	theirsMerged := (&nxfile.Root{}).Merge(p, nil)[name]
	want, wanted := taskOf(theirsMerged), theirsMerged
	if executor == "" {
		executor = "nx:noop"
	}
	if options["script"] == nil && executor == nxfile.RunScript { // theirs always says which
		options["script"], _ = json.Marshal(name)
	}
	id := pkg.Dir + "#" + name
	if executor != wanted.Executor {
		t.Errorf("%s is run by %q, for Nx by %q", id, executor, wanted.Executor)
	}
	if got, want := filled(options, pkg, n), filled(wanted.Options, pkg, n); !maps.Equal(got, want) {
		t.Errorf("%s has the options %v, for Nx %v", id, got, want)
	}
	for what, lists := range map[string][2][]string{"dependsOn": {ours.DependsOn.Value, want.DependsOn.Value}, "outputs": {ours.Outputs.Value, want.Outputs.Value}} {
		for i, list := range lists {
			lists[i] = slices.Compact(slices.Sorted(slices.Values(list)))
		}
		if !slices.Equal(lists[0], lists[1]) {
			t.Errorf("%s: %s are %q, for Nx %q", id, what, lists[0], lists[1])
		}
	}
	if theirs := want.Cache.Value; ours.Cache.Value != theirs {
		t.Errorf("%s: cache is %v, for Nx %v", id, ours.Cache.Value, theirs)
	}
	if theirs := wanted.Continuous; n.continuous(pkg, name) != theirs {
		t.Errorf("%s: continuous is %v for Nx", id, theirs)
	}
}

// manifest is a package.json with one target.
func manifest(name string, target any) []byte {
	text, _ := json.Marshal(map[string]any{"nx": map[string]any{"targets": map[string]any{name: target}}}) // it came from JSON
	return text
}

// filled are options as texts, with what Nx fills in.
func filled(options nxcommand.Options, pkg *workspace.Package, n *nx) map[string]string {
	all := map[string]string{}
	for name, raw := range options {
		var text bytes.Buffer
		_ = json.Compact(&text, raw) // it was read as JSON
		all[name] = strings.NewReplacer("{projectRoot}", pkg.Dir, "{projectName}", n.nameOf(pkg), "{workspaceRoot}/", "", "{workspaceRoot}", "").Replace(text.String())
	}
	return all
}

// anyNxProjects draws what the files of the three packages of a repository say.
func anyNxProjects(r *rand.Rand) map[string]any {
	some := func(n int) bool { return r.IntN(n) == 0 }
	list := func(of ...string) []string {
		picked := []string{}
		for _, e := range of {
			if some(2) {
				picked = append(picked, e)
			}
		}
		return picked
	}
	targets := []string{"build", "codegen", "check-types", "pack", "own"}
	target := func(usual bool) map[string]any {
		o := map[string]any{}
		if some(2) {
			depends := []any{}
			for _, e := range list("^build", "codegen", "b:build", "...") {
				if e == "..." && usual {
					continue
				}
				depends = append(depends, e)
			}
			if some(3) {
				depends = append(depends, map[string]any{"target": "pack", "dependencies": true}, map[string]any{"target": "own", "projects": []string{"c"}})
			}
			o["dependsOn"] = depends
		}
		if some(2) {
			o["outputs"] = list("{projectRoot}/dist", "{projectRoot}/out/*.js", "{workspaceRoot}/coverage")
		}
		if some(2) {
			o["cache"] = some(2)
		}
		if some(8) {
			o["continuous"] = true
		}
		if some(4) {
			o["inputs"] = []string{"default"}
		}
		options := map[string]any{}
		for name, value := range map[string]any{"cwd": "{projectRoot}", "n": 1, "name": "{projectName}", "flag": true, "env": map[string]any{"A": "{projectRoot}/x"}} {
			if some(4) {
				options[name] = value
			}
		}
		switch r.IntN(6) {
		case 0:
			o["command"] = "echo {projectName}"
		case 1:
			o["executor"] = "nx:run-commands"
			options["commands"] = []any{"echo 1", map[string]any{"command": "echo 2", "forwardAllArgs": false}}
			if some(2) {
				options["parallel"] = false
			}
		case 2:
			o["executor"] = "nx:run-script"
			options = map[string]any{"script": "build"}
		default:
			if some(2) {
				options = map[string]any{}
			}
		}
		if len(options) > 0 {
			o["options"] = options
		}
		if some(4) {
			o["configurations"], o["defaultConfiguration"] = map[string]any{"prod": map[string]any{"n": 2}, "dev": map[string]any{"n": 3}}, "prod"
		}
		return o
	}
	several := func(usual bool) map[string]any {
		all := map[string]any{}
		for _, name := range targets {
			if some(2) {
				all[name] = target(usual)
			}
		}
		return all
	}
	defaults := several(true)
	if some(3) {
		defaults["check-*"] = target(true)
	}
	if some(2) {
		defaults["nx:run-commands"] = target(true)
		delete(defaults["nx:run-commands"].(map[string]any), "command")
		delete(defaults["nx:run-commands"].(map[string]any), "executor")
	}
	files := map[string]any{"nx.json": map[string]any{"targetDefaults": defaults}, "package-lock.json": map[string]any{"lockfileVersion": 3, "packages": map[string]any{}}}
	for _, name := range []string{"a", "b", "c"} {
		if some(2) {
			project := map[string]any{"name": name, "targets": several(false)}
			if some(3) {
				project["implicitDependencies"] = slices.DeleteFunc(list("a", "b", "c"), func(e string) bool { return e == name })
			}
			files["packages/"+name+"/project.json"] = project
		}
		own := map[string]any{"name": name, "version": "1.0.0", "scripts": map[string]any{"build": "echo b", "check-types": "echo c"}}
		if some(2) {
			project := map[string]any{"targets": several(false)}
			if some(3) {
				project["includedScripts"] = list("build", "check-types")
			}
			own["nx"] = project
		}
		files["packages/"+name+"/package.json"] = own
	}
	return files
}
