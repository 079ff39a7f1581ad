package workflows

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// tasksTake writes a history file with which four runners pay: every task took five minutes.
func tasksTake(t *testing.T, program, origin string) {
	t.Helper()
	dir := clone(t, origin)
	for _, args := range [][]string{{"build"}, {"memory:export"}} {
		c := exec.CommandContext(t.Context(), filepath.Join(program, "heapmage"), args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "heapmage-history.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tasks map[string][]map[string]any `json:"tasks"`
	}
	var whole map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	for _, samples := range file.Tasks {
		for _, s := range samples {
			s["duration"], s["cpu"] = "5m0s", "5m0s"
		}
	}
	whole["tasks"] = file.Tasks
	if text, err = json.Marshal(whole); err != nil {
		t.Fatal(err)
	}
	testkit.Write(t, origin, "heapmage-history.json", string(text))
	git(t, origin, "add", "-A")
	git(t, origin, "commit", "-q", "-m", "history")
}

// run is a run of the workflow.
type run struct {
	jobs     []string // the shards
	said     string
	outputs  map[string]string // of all shards together, by file
	restored string
	saved    string
}

// shards runs the jobs of the workflow, each in a clone of its own on a machine of its own.
func (h *hosted) shards(t *testing.T, program, origin, event, ref, id string) (r run) {
	t.Helper()
	inputs := map[string]string{"target": "build", "runners": "3", "runs-on": "ubuntu-latest", "memory": "16GB", "cpus": "1", "larger": "", "folder": ".", "install": "true",
		"heapmage": "heapmage", "cache": "true", "keep": "1GB", "name": "", "environment": "", "outputs": ""}
	job := func(name string) (*machine, map[string]step) {
		m := newMachine(t, clone(t, origin))
		m.env["PATH"] = program + string(filepath.ListSeparator) + m.env["PATH"]
		m.env["GITHUB_EVENT_NAME"], m.env["GITHUB_REF"], m.env["GITHUB_RUN_ID"], m.env["GITHUB_JOB"] = event, ref, id, name
		for name, value := range inputs {
			m.values["inputs."+name] = value
		}
		m.values["secrets.HEAPMAGE_CACHE_TOKEN"], m.values["secrets.HEAPMAGE_CACHE_SIGNING_KEY"] = "", ""
		m.values["github.event.repository.default_branch"] = "main"
		steps := stepsIn(t, shardsFile, "jobs", name, "steps")
		m.must(steps["install"])
		return m, steps
	}

	m, steps := job("plan")
	where := m.must(steps[scopeStep])
	r.restored = h.restore(t, m.dir, where["key"], where["own"], where["trusted"])
	var matrix struct{ Include []map[string]string }
	text := m.must(steps["plan"])["matrix"]
	if err := json.Unmarshal([]byte(text), &matrix); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if strings.Contains(text, `"shard"`) != (len(matrix.Include) > 0) {
		t.Fatalf("the condition of the shards is not that of %s", text)
	}
	plan := filepath.Join(m.temp, "heapmage-plan.json")

	artifacts := t.TempDir()
	r.outputs = map[string]string{}
	for _, of := range matrix.Include {
		m, steps := job("shard")
		h.restore(t, m.dir, where["key"], where["own"], where["trusted"])
		copyAll(t, plan, filepath.Join(m.temp, "heapmage-plan.json"))
		m.values["matrix.shard"] = of["shard"]
		told, said, code := m.run(steps["build"])
		if code != 0 {
			t.Fatalf("shard %s: exit code %d\n%s", of["shard"], code, said)
		}
		r.jobs, r.said = append(r.jobs, told["shard"]), r.said+said
		maps.Copy(r.outputs, outputs(t, m.dir))
		if where["writes"] == "true" {
			m.must(steps["collect what is new"])
			copyAll(t, filepath.Join(m.temp, "heapmage-new")+"/.", artifacts)
		}
	}
	if where["writes"] != "true" || len(matrix.Include) == 0 {
		return r
	}
	m, steps = job("keep")
	h.restore(t, m.dir, where["key"], where["own"], where["trusted"])
	copyAll(t, artifacts, filepath.Join(m.temp, "heapmage-new"))
	if m.must(steps["put together"])["something"] == "true" {
		h.save(t, where["key"], m.dir)
		r.saved = where["key"]
	}
	return r
}

// outputs are the outputs in a clone.
func outputs(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	names, err := filepath.Glob(filepath.Join(dir, "packages", "*", "dist", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(dir, name)
		all[rel] = string(text)
	}
	return all
}

func TestTheShardsFromRunToRun(t *testing.T) {
	program, origin, h := programFolder(t), repository(t), &hosted{}
	tasksTake(t, program, origin)

	r := h.shards(t, program, origin, "push", "refs/heads/main", "1")
	if len(r.jobs) < 2 || r.jobs[0] != "1-"+r.jobs[len(r.jobs)-1][2:] || !strings.HasPrefix(r.saved, "heapmage.1.trusted.") {
		t.Fatalf("the first run: jobs %v, saved %q\n%s", r.jobs, r.saved, r.said)
	}
	want := allBuilt
	if !maps.Equal(r.outputs, want) {
		t.Errorf("the shards together have built %v", r.outputs)
	}

	// What all of them have made is known to the next run, which has no shards then.
	again := h.shards(t, program, origin, "push", "refs/heads/main", "2")
	if again.restored != r.saved || len(again.jobs) != 0 || again.saved != "" {
		t.Errorf("the second run: restored %q, jobs %v, saved %q\n%s", again.restored, again.jobs, again.saved, again.said)
	}
	// A job behind them puts everything in its place.
	dir := clone(t, origin)
	if said, code, _, _ := h.job(t, program, dir, "push", "refs/heads/main", "3", "build"); code != 0 || !maps.Equal(outputs(t, dir), want) {
		t.Errorf("a job behind the shards: exit code %d, built %v\n%s", code, outputs(t, dir), said)
	}

	testkit.Write(t, origin, "packages/core/a.txt", "changed\n")
	git(t, origin, "commit", "-q", "-am", "change")
	pull := h.shards(t, program, origin, "pull_request", "refs/pull/12/merge", "4")
	if pull.restored != r.saved || len(pull.jobs) == 0 || !strings.HasPrefix(pull.saved, "heapmage.1.pull-12.") {
		t.Errorf("a pull request: restored %q, jobs %v, saved %q\n%s", pull.restored, pull.jobs, pull.saved, pull.said)
	}
	if other := h.shards(t, program, origin, "pull_request_target", "refs/heads/main", "5"); other.saved != "" || strings.Contains(other.restored, "pull-") {
		t.Errorf("pull_request_target: restored %q, saved %q", other.restored, other.saved)
	}
}
