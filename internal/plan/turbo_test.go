package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// TestLikeTurbo plans random workspaces and compares the tasks and their order with those
// of turbo's own dry run. TURBO is the path of a turbo 2 program, TURBO_CASES how many
// workspaces there are.
func TestLikeTurbo(t *testing.T) {
	turbo := os.Getenv("TURBO")
	if turbo == "" {
		t.Skip("TURBO is not set: it is the path of a turbo program to compare with")
	}
	cases, _ := strconv.Atoi(cmp.Or(os.Getenv("TURBO_CASES"), "25"))
	ends := map[string]int{}
	for seed := range cases {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			w := anyTurbo(rand.New(rand.NewPCG(1, uint64(seed))))
			root := w.write(t)
			for _, target := range []string{"build", "test", "lint"} {
				for _, selected := range []string{"", "p1"} {
					end := compareWithTurbo(t, turbo, root, asked{target, target, selected})
					ends[end]++
					if t.Failed() {
						t.Fatalf("%s of %s in\n%s", target, cmp.Or(selected, "all"), w)
					}
				}
			}
		})
	}
	t.Logf("%v", ends)
}

// TestLikeTurboIn compares the plans of repositories on disk, whose folders are in
// TURBO_REPOSITORIES, written as PATH is. Nothing in them is run.
func TestLikeTurboIn(t *testing.T) {
	turbo, folders := os.Getenv("TURBO"), filepath.SplitList(os.Getenv("TURBO_REPOSITORIES"))
	if turbo == "" || len(folders) == 0 {
		t.Skip("TURBO or TURBO_REPOSITORIES is not set: a turbo program, and folders to compare its plans in")
	}
	for _, root := range folders {
		ws, err := workspace.Load(root)
		if err != nil {
			t.Fatal(err)
		}
		model, err := declared.Load(ws, &config.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range []string{"build", "typecheck", "test", "lint"} {
			for _, name := range script.Names(target) {
				if !slices.Contains(model.Names(), name) {
					continue
				}
				t.Run(filepath.Base(root)+"/"+name, func(t *testing.T) {
					t.Log(compareWithTurbo(t, turbo, root, asked{target, name, ""}))
				})
				break
			}
		}
	}
}

// noScripts is our error about a target that no package has a script for.
var noScripts = regexp.MustCompile("has (a|no) script for")

// asked is a target, which turbo knows by name, of one package or of all.
type asked struct{ target, name, selected string }

// compareWithTurbo plans a target with both, and returns how they ended.
func compareWithTurbo(t *testing.T, turbo, root string, a asked) string {
	t.Helper()
	theirs, refusal := turboPlan(t, turbo, root, a)
	ours, left, err := ownPlan(root, a)
	switch nothing := err != nil && noScripts.MatchString(err.Error()); {
	case refusal != "" && nothing:
		return "nothing"
	case strings.Contains(refusal, "yclic"), strings.Contains(refusal, "depends on itself"):
		if err == nil || !strings.Contains(err.Error(), "depend on each other") {
			t.Errorf("turbo finds a cycle, we do not: %v\n%s", err, refusal)
		}
		return "cycle"
	case strings.Contains(refusal, "persistent"):
		if err == nil || !strings.Contains(err.Error(), "persistent") {
			t.Errorf("turbo refuses a persistent task, we do not: %v\n%s", err, refusal)
		}
		return "persistent"
	case refusal != "":
		t.Errorf("turbo refuses: %s", refusal)
		return "refused"
	case nothing:
		for id := range theirs { // it may run what comes before a task that no package has
			if strings.HasSuffix(id, a.selected+"#"+a.name) {
				t.Errorf("turbo runs %s, we run nothing: %v", id, err)
			}
		}
		return "nothing"
	case err != nil:
		t.Error(err)
		return "error"
	}
	if len(left) > 0 { // theirs has these, with what only they depend on
		maps.DeleteFunc(theirs, func(id string, _ []string) bool { return ours[id] == nil })
	}
	for _, id := range slices.Sorted(maps.Keys(theirs)) {
		if ours[id] == nil {
			t.Errorf("turbo runs %s, we do not", id)
		} else if !slices.Equal(ours[id], theirs[id]) {
			t.Errorf("%s comes after %q, with turbo after %q", id, ours[id], theirs[id])
		}
	}
	for id := range ours {
		if theirs[id] == nil {
			t.Errorf("we run %s, turbo does not", id)
		}
	}
	return "equal"
}

// ownPlan returns what each task comes after, and what is left out.
func ownPlan(root string, a asked) (after map[string][]string, left []string, err error) {
	ws, err := workspace.Load(root)
	if err != nil {
		return nil, nil, err
	}
	c := &config.Config{}
	model, err := declared.Load(ws, c)
	if err != nil {
		return nil, nil, err
	}
	r := Request{Target: a.target}
	if a.selected != "" {
		r.Packages = &a.selected
	}
	p, err := New(r, Setting{Workspace: ws, Config: c, Declared: model})
	if err != nil {
		return nil, nil, err
	}
	name := func(task *taskgraph.Task) string {
		if task.Package.Dir == "." {
			return "//#" + task.Script
		}
		return task.Package.Name + "#" + task.Script
	}
	after = map[string][]string{}
	for _, task := range p.Graph.Tasks {
		on := []string{}
		for _, a := range task.Predecessors() {
			on = append(on, name(a))
		}
		slices.Sort(on)
		after[name(task)] = on
	}
	return after, p.Graph.LeftOut, nil
}

// turboPlan returns what each task with a script comes after, through those without one,
// or why turbo refuses.
func turboPlan(t *testing.T, turbo, root string, a asked) (after map[string][]string, refusal string) {
	t.Helper()
	cmd := exec.Command(turbo, "run", a.name, "--dry=json", "--no-update-notifier")
	if a.selected != "" {
		cmd.Args = append(cmd.Args, "--filter="+a.selected)
	}
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "TURBO_TELEMETRY_DISABLED=1", "DO_NOT_TRACK=1")
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		return nil, cmp.Or(errors.String(), err.Error())
	}
	var run struct {
		Tasks []struct {
			TaskID, Command string
			Dependencies    []string
		}
	}
	if err := json.Unmarshal(out, &run); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	runs, direct := map[string]bool{}, map[string][]string{}
	for _, task := range run.Tasks {
		runs[task.TaskID] = task.Command != "" && !strings.HasPrefix(task.Command, "<") // "<NONEXISTENT>", "<OPT OUT>"
		direct[task.TaskID] = task.Dependencies
	}
	after = map[string][]string{}
	for id := range runs {
		if runs[id] {
			below := map[string]bool{}
			nearestOf(id, direct, runs, below)
			after[id] = append([]string{}, slices.Sorted(maps.Keys(below))...)
		}
	}
	return after, ""
}

func nearestOf(id string, direct map[string][]string, runs, below map[string]bool) {
	for _, next := range direct[id] {
		if runs[next] {
			below[next] = true
		} else {
			nearestOf(next, direct, runs, below)
		}
	}
}

// turboWorld is a workspace with its turbo.json files.
type turboWorld struct {
	packages map[string][]string          // what each depends on, by name
	scripts  map[string][]string          // by package; "//" is the root
	tasks    map[string]map[string]object // by package; "//" is the root
	extends  map[string][]string          // by package
}

type object = map[string]any

// turboTasks are ordered: in most worlds none depends on a later one.
var turboTasks = []string{"codegen", "transit", "serve", "ready", "build", "lint", "test"}

// anyTurbo draws a workspace. It may have cycles of tasks.
func anyTurbo(r *rand.Rand) turboWorld {
	w := turboWorld{map[string][]string{}, map[string][]string{}, map[string]map[string]object{"//": {}}, map[string][]string{}}
	some := func(n int) bool { return r.IntN(n) == 0 }
	count := 2 + r.IntN(4)
	pick := func() string { return fmt.Sprintf("p%d", r.IntN(count)) }
	orderly := !some(6)
	list := func(of string, own bool) []string {
		entries := []string{}
		for range r.IntN(4) {
			name, kind := turboTasks[r.IntN(len(turboTasks))], r.IntN(8)
			if later := slices.Index(turboTasks, name) >= slices.Index(turboTasks, of); later && orderly && (kind < 1 || kind > 4) || name == "serve" && !some(4) {
				continue
			}
			switch kind {
			case 0:
				entries = append(entries, pick()+"#"+name)
			case 1:
				entries = append(entries, "//#schema")
			case 2, 3, 4:
				entries = append(entries, "^"+name)
			default:
				entries = append(entries, name)
			}
		}
		if own && some(2) {
			entries = append([]string{"$TURBO_EXTENDS$"}, entries...) // turbo wants it first
		}
		return slices.Compact(entries)
	}
	task := func(name string, own bool) object {
		o := object{}
		if !some(4) {
			o["dependsOn"] = list(name, own)
		}
		if name == "serve" && (!own || some(2)) {
			o["persistent"], o["cache"] = true, false
		}
		if some(12) {
			o["with"] = []string{pick() + "#" + turboTasks[r.IntN(len(turboTasks))]}
		}
		if own && some(10) {
			o["extends"] = false
		}
		return o
	}
	for i := range count {
		name := fmt.Sprintf("p%d", i)
		w.packages[name] = []string{}
		for j := range i {
			if some(2) {
				w.packages[name] = append(w.packages[name], fmt.Sprintf("p%d", j))
			}
		}
		for _, script := range []string{"build", "test", "lint", "codegen", "serve"} {
			if !some(3) {
				w.scripts[name] = append(w.scripts[name], script)
			}
		}
		if some(3) {
			w.tasks[name], w.extends[name] = map[string]object{}, []string{"//"}
			for range 1 + r.IntN(2) {
				key := turboTasks[r.IntN(len(turboTasks))]
				w.tasks[name][key] = task(key, true)
			}
			if i > 0 && some(3) {
				if other := fmt.Sprintf("p%d", r.IntN(i)); w.tasks[other] != nil {
					w.extends[name] = append(w.extends[name], other)
				}
			}
		}
	}
	w.scripts["//"] = []string{"schema"}
	w.tasks["//"]["//#schema"] = object{}
	for _, name := range turboTasks {
		w.tasks["//"][name] = task(name, false)
	}
	if some(3) {
		w.scripts["//"] = append(w.scripts["//"], "lint")
		w.tasks["//"]["//#lint"] = object{"dependsOn": []string{"^build"}}
	}
	if some(3) {
		name := turboTasks[r.IntN(len(turboTasks))]
		w.tasks["//"][pick()+"#"+name] = task(name, false)
	}
	return w
}

// write makes the workspace.
func (w turboWorld) write(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	put := func(name string, content any) {
		text, err := json.MarshalIndent(content, "", " ")
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(root, name), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	scripts := func(name string) object {
		o := object{}
		for _, script := range w.scripts[name] {
			o[script] = "echo " + script
		}
		return o
	}
	put("package.json", object{"name": "top", "private": true, "packageManager": "npm@10.0.0", "workspaces": []string{"packages/*"}, "scripts": scripts("//")})
	put("package-lock.json", object{"lockfileVersion": 3, "packages": object{}})
	put("turbo.json", object{"tasks": w.tasks["//"]})
	for name, on := range w.packages {
		dependencies := object{}
		for _, other := range on {
			dependencies[other] = "*"
		}
		put("packages/"+name+"/package.json", object{"name": name, "version": "1.0.0", "dependencies": dependencies, "scripts": scripts(name)})
		if w.tasks[name] != nil {
			put("packages/"+name+"/turbo.json", object{"extends": w.extends[name], "tasks": w.tasks[name]})
		}
	}
	return root
}

func (w turboWorld) String() string {
	text, _ := json.MarshalIndent(object{"packages": w.packages, "scripts": w.scripts, "tasks": w.tasks, "extends": w.extends}, "", " ")
	return string(text)
}
