package plan

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
)

// TestLikeNx plans random workspaces and compares the tasks and their order with those of
// Nx's own graph. NX is the path of a nx program, NX_CASES how many workspaces there are.
func TestLikeNx(t *testing.T) {
	likeOther(t, "NX", anyNx, func(t *testing.T, program, root, target string) map[string][]string {
		if err := os.Symlink(filepath.Dir(filepath.Dir(program)), filepath.Join(root, "node_modules")); err != nil && !os.IsExist(err) {
			t.Skip("symbolic links cannot be made here:", err)
		}
		file := filepath.Join(t.TempDir(), "graph.json")
		other(t, root, program, "run-many", "-t", target, "--graph="+file)
		text, err := os.ReadFile(file)
		if err != nil {
			return nil
		}
		var graph struct {
			Tasks struct{ Dependencies map[string][]nxID }
			Graph struct {
				Nodes map[string]struct {
					Data struct {
						Targets map[string]struct{ Executor string }
					}
				}
			}
		}
		if err := json.Unmarshal(text, &graph); err != nil {
			t.Fatal(err)
		}
		runs, direct := map[string]bool{}, map[string][]string{}
		for id, on := range graph.Tasks.Dependencies {
			for _, on := range on {
				direct[id] = append(direct[id], string(on))
			}
			project, target, _ := strings.Cut(id, ":")
			runs[id] = graph.Graph.Nodes[project].Data.Targets[target].Executor != "nx:noop"
		}
		after := map[string][]string{}
		for id := range runs {
			if !runs[id] {
				continue
			}
			below := map[string]bool{}
			nearestOf(id, direct, runs, below)
			on := []string{}
			for id := range below {
				on = append(on, strings.Replace(id, ":", "#", 1))
			}
			after[strings.Replace(id, ":", "#", 1)] = on
		}
		return after
	})
}

// nxID is a task in Nx's graph, which is an object from Nx 24 on.
type nxID string

func (i *nxID) UnmarshalJSON(text []byte) error {
	var task struct{ ID nxID }
	if json.Unmarshal(text, &task) == nil {
		*i = task.ID
		return nil
	}
	return json.Unmarshal(text, (*string)(i))
}

// TestLikeLage is TestLikeNx for Lage, whose program LAGE names.
func TestLikeLage(t *testing.T) {
	likeOther(t, "LAGE", anyLage, func(t *testing.T, program, root, target string) map[string][]string {
		if _, err := os.Stat(filepath.Join(root, ".git")); err != nil { // it reads what git knows
			other(t, root, "git", "init", "-q")
			other(t, root, "git", "add", ".")
			other(t, root, "git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "all")
		}
		var graph struct {
			PackageTasks []struct {
				ID           string
				Command      []string
				Dependencies []string
			}
			Data struct{ PackageTasks json.RawMessage }
		}
		text := other(t, root, program, "info", target)
		if err := json.Unmarshal(text, &graph); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if graph.Data.PackageTasks != nil {
			if err := json.Unmarshal(graph.Data.PackageTasks, &graph.PackageTasks); err != nil {
				t.Fatal(err)
			}
		}
		after := map[string][]string{}
		for _, task := range graph.PackageTasks {
			if id := rooted(task.ID); id != "__start" {
				after[id] = []string{}
				for _, on := range task.Dependencies {
					if on != "__start" {
						after[id] = append(after[id], rooted(on))
					}
				}
			}
		}
		return after
	})
}

// TestLikePNPM is TestLikeNx for "tasks" in pnpm-workspace.yaml. PNPM is the path of a pnpm
// that has a dry run: 11.25 or newer.
func TestLikePNPM(t *testing.T) {
	likeOther(t, "PNPM", anyPNPM, func(t *testing.T, program, root, target string) map[string][]string {
		type task struct {
			Project, Script string
			MissingScript   bool
			DependsOn       []task
		}
		var run struct{ Tasks []task }
		text := other(t, root, program, "--recursive", "run", "--dry-run", "--json", target)
		if err := json.Unmarshal(text[max(0, bytes.IndexByte(text, '{')):], &run); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		runs, direct := map[string]bool{}, map[string][]string{}
		id := func(t task) string { return filepath.Base(t.Project) + "#" + t.Script }
		for _, task := range run.Tasks {
			runs[id(task)] = !task.MissingScript
			for _, on := range task.DependsOn {
				direct[id(task)] = append(direct[id(task)], id(on))
			}
		}
		after := map[string][]string{}
		for id := range runs {
			if runs[id] {
				below := map[string]bool{}
				nearestOf(id, direct, runs, below)
				after[id] = slices.Collect(maps.Keys(below))
			}
		}
		return after
	})
}

// rooted writes a task of the root as we do.
func rooted(id string) string {
	if strings.HasPrefix(id, "#") {
		return "//" + id
	}
	return id
}

func likeOther(t *testing.T, variable string, draw func(*rand.Rand) map[string]any, theirs func(t *testing.T, program, root, target string) map[string][]string) {
	program := os.Getenv(variable)
	if program == "" {
		t.Skip(variable + " is not set: it is the path of a program to compare with")
	}
	cases, _ := strconv.Atoi(cmp.Or(os.Getenv(variable+"_CASES"), "12"))
	for seed := range cases {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			files := draw(rand.New(rand.NewPCG(7, uint64(seed))))
			root := t.TempDir()
			for name, content := range files {
				text, err := json.MarshalIndent(content, "", " ")
				if script, ok := content.(string); ok {
					text = []byte(script)
				}
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
			for _, target := range []string{"build", "test", "codegen"} {
				want := theirs(t, program, root, target)
				got, _, err := ownPlan(root, asked{target, target, ""})
				if err != nil && noScripts.MatchString(err.Error()) {
					continue // theirs may run what comes before a task that no package has
				}
				if err != nil {
					t.Fatal(err)
				}
				if got, want := closure(got), closure(want); !maps.EqualFunc(got, want, maps.Equal[map[string]bool, map[string]bool]) {
					for _, name := range slices.Sorted(maps.Keys(files)) {
						text, _ := json.Marshal(files[name])
						t.Logf("%s %s", name, text)
					}
					t.Fatalf("%s: we have %v\ntheirs is %v", target, got, want)
				}
			}
		})
	}
}

// closure is all that each task comes after, directly or not: lage leaves out what follows
// from the rest.
func closure(after map[string][]string) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	var below func(id string) map[string]bool
	below = func(id string) map[string]bool {
		if all[id] == nil {
			all[id] = map[string]bool{}
			for _, on := range after[id] {
				all[id][on] = true
				maps.Copy(all[id], below(on))
			}
		}
		return all[id]
	}
	for id := range after {
		below(id)
	}
	return all
}

// other runs a program and returns what it prints.
func other(t *testing.T, dir, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NX_DAEMON=false", "NX_NO_CLOUD=true", "NX_TUI=false", "CI=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return out
}

// drawn is what both kinds of workspace have: packages p0, p1 … with scripts, of which none
// depends on a later one.
func drawn(r *rand.Rand) (files map[string]any, count int) {
	count = 2 + r.IntN(4)
	files = map[string]any{
		"package.json":      object{"name": "top", "version": "1.0.0", "private": true, "workspaces": []string{"packages/*"}},
		"package-lock.json": object{"lockfileVersion": 3, "packages": object{}},
	}
	for i := range count {
		scripts, on := object{}, object{}
		for _, name := range []string{"build", "test", "codegen"} {
			if r.IntN(3) > 0 {
				scripts[name] = "echo " + name
			}
		}
		for j := range i {
			if r.IntN(2) == 0 {
				on[fmt.Sprintf("p%d", j)] = "1.0.0"
			}
		}
		files[fmt.Sprintf("packages/p%d/package.json", i)] = object{"name": fmt.Sprintf("p%d", i), "version": "1.0.0", "scripts": scripts, "dependencies": on}
	}
	return files, count
}

// entries draws a dependsOn of a target.
func entries(r *rand.Rand, target string, count int, of string) []any {
	list := []any{}
	names := []string{"codegen", "build", "test"}
	names = names[:1+slices.Index(names, target)]
	for range r.IntN(4) {
		name := names[r.IntN(len(names))]
		var e any = "^" + name
		switch kind := r.IntN(4); {
		case kind == 0 && name != target:
			e = name
		case kind == 1 && name != target:
			e = fmt.Sprintf("p%d%s%s", r.IntN(count), of, name)
		}
		if !slices.Contains(list, e) {
			list = append(list, e)
		}
	}
	return list
}

func anyNx(r *rand.Rand) map[string]any {
	files, count := drawn(r)
	defaults := object{}
	for _, target := range []string{"build", "test", "codegen"} {
		defaults[target] = object{"dependsOn": entries(r, target, count, ":")}
	}
	files["nx.json"] = object{"targetDefaults": defaults}
	for i := range count {
		name := fmt.Sprintf("p%d", i)
		targets := object{}
		for _, target := range []string{"build", "test", "codegen"} {
			t := object{}
			switch r.IntN(6) {
			case 0:
				t["command"] = "echo command"
			case 1:
				t["executor"], t["options"] = "nx:run-commands", object{"commands": []string{"echo 1", "echo 2"}}
			case 2: // it runs the script, or stands for others
			default:
				continue
			}
			if r.IntN(2) == 0 {
				t["dependsOn"] = entries(r, target, count, ":")
			}
			targets[target] = t
		}
		project := object{"name": name, "targets": targets}
		if i > 0 && r.IntN(4) == 0 {
			project["implicitDependencies"] = []string{fmt.Sprintf("p%d", r.IntN(i))}
		}
		if r.IntN(2) == 0 {
			files["packages/"+name+"/project.json"] = project
		} else if own := files["packages/"+name+"/package.json"].(object); r.IntN(3) > 0 {
			delete(project, "name")
			if scripts := own["scripts"].(object); scripts["build"] != nil && r.IntN(3) == 0 {
				project["includedScripts"] = []string{"build"}
			}
			own["nx"] = project
		}
	}
	return files
}

func anyLage(r *rand.Rand) map[string]any {
	files, count := drawn(r)
	pipeline := object{}
	for _, target := range []string{"build", "test", "codegen"} {
		list := entries(r, target, count, "#")
		if target != "codegen" && r.IntN(3) == 0 {
			list = append(list, "^^codegen")
		}
		switch r.IntN(8) {
		case 0:
			pipeline[target] = object{"type": "noop", "dependsOn": list}
		case 1, 2, 3:
			pipeline[target] = object{"dependsOn": list, "outputs": []string{"dist/**"}}
		default:
			pipeline[target] = list
		}
		if r.IntN(4) == 0 {
			pipeline[fmt.Sprintf("p%d#%s", r.IntN(count), target)] = entries(r, target, count, "#")
		}
	}
	text, _ := json.MarshalIndent(object{"pipeline": pipeline}, "", "\t")
	files["lage.config.js"] = "// @ts-check\n/** @type {import('lage').ConfigOptions} */\nmodule.exports = " + strings.ReplaceAll(string(text), `"`, "'") + ";\n"
	return files
}

// anyPNPM declares some of the tasks: the others have pnpm's own order, or ours, which are
// the same for "build".
func anyPNPM(r *rand.Rand) map[string]any {
	files, count := drawn(r)
	delete(files, "package-lock.json")
	files["package.json"] = object{"name": "top", "version": "1.0.0", "private": true}
	for i := range count {
		on := files[fmt.Sprintf("packages/p%d/package.json", i)].(object)["dependencies"].(object)
		for name := range on {
			on[name] = "workspace:*"
		}
	}
	tasks := object{}
	for _, target := range []string{"build", "test", "codegen"} {
		list := slices.DeleteFunc(entries(r, target, count, "#"), func(e any) bool { return strings.Contains(e.(string), "#") })
		switch kind := r.IntN(4); {
		case kind == 0 && target != "test":
		case kind == 1:
			tasks[target] = object{"outputs": []string{"dist/**"}}
		default:
			tasks[target] = object{"dependsOn": list, "cache": false}
		}
	}
	text, _ := json.Marshal(object{"packages": []string{"packages/*"}, "tasks": tasks, "verifyDepsBeforeRun": false})
	files["pnpm-workspace.yaml"] = string(text)
	files["pnpm-lock.yaml"] = "lockfileVersion: '9.0'\n"
	return files
}
