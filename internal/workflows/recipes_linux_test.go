package workflows

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/testkit"
)

// recipe is a block of docs/ci.md whose first lines name its file.
func recipe(t *testing.T, file string) string {
	t.Helper()
	m := regexp.MustCompile("(?ms)^```(?:yaml|sh)\n((?:#!\\S.*?\n)?# " + regexp.QuoteMeta(file) + "\\b.*?\n.*?)^```$").FindStringSubmatch(read(t, "docs/ci.md"))
	if m == nil {
		t.Fatalf("docs/ci.md has no %s", file)
	}
	return m[1]
}

// manager stands for npm, which has nothing to install, and starts the heapmage that was compiled.
func manager(t *testing.T, program string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"npm": `[ "$*" = ci ]`,
		"npx": `[ "$1 $2" = "--no heapmage" ] || exit 9; shift 2; exec "` + filepath.Join(program, "heapmage") + `" "$@"`,
		// What Buildkite's agent uploads lies in a folder.
		"buildkite-agent": `case "$1 $2" in
			"artifact upload") cp "$3" "$ARTIFACTS/" ;;
			"artifact download") cp "$ARTIFACTS/$3" "$4" ;;
			"pipeline upload") cp "$3" "$ARTIFACTS/pipeline.json" ;;
			*) exit 9 ;;
		esac`,
	} {
		testkit.Write(t, dir, name, "#!/bin/sh\n"+text+"\n")
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// sh runs a script as a runner of GitLab or Buildkite does.
func sh(t *testing.T, dir, path, script string, env ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-euc", script)
	c.Dir = dir
	c.Env = append([]string{"PATH=" + path + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CI=true"}, env...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

var allBuilt = map[string]string{"packages/core/dist/a.txt": "a\n", "packages/web/dist/b.txt": "a\nb\n", "packages/docs/dist/c.txt": "c\n"}

// The recipe's memory and processors are those of its runners: on ours one processor makes two shards pay.
func oneProcessor(text string) string {
	return regexp.MustCompile(`-cpus=\d+`).ReplaceAllString(text, "-cpus=1 -setup=1s")
}

func TestTheRecipeForGitLab(t *testing.T) {
	program, origin := programFolder(t), repository(t)
	tasksTake(t, program, origin)
	path := manager(t, program)
	testkit.Write(t, origin, ".gitlab/shard.yml", recipe(t, ".gitlab/shard.yml"))
	git(t, origin, "add", "-A")
	git(t, origin, "commit", "-q", "-m", "pipeline")

	type job struct {
		Extends  string
		Script   []string
		Needs    any
		Parallel struct {
			Matrix []map[string]string
		}
		Artifacts struct{ Paths []string }
		Trigger   struct {
			Include []map[string]string
		}
	}
	parse := func(text string) (jobs map[string]job) {
		if err := yaml.Unmarshal([]byte(text), &jobs); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		return jobs
	}
	parent := parse(recipe(t, ".gitlab-ci.yml"))
	dir := clone(t, origin)
	sh(t, dir, path, oneProcessor(strings.Join(parent["plan"].Script, "\n")))
	for _, name := range parent["plan"].Artifacts.Paths {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	include := parent["build"].Trigger.Include
	if len(include) != 1 { // GitLab takes one if it is of an artifact
		t.Fatalf("the child pipeline includes %v", include)
	}
	child, err := os.ReadFile(filepath.Join(dir, include[0]["artifact"]))
	if err != nil {
		t.Fatal(err)
	}
	built := map[string]string{}
	jobs := parse(string(child))
	shards := jobs["shards"]
	template, ok := jobs[shards.Extends]
	if !ok || len(shards.Parallel.Matrix) < 2 {
		t.Fatalf("the child pipeline:\n%s", child)
	}
	for _, of := range shards.Parallel.Matrix {
		own := clone(t, origin)
		copyAll(t, filepath.Join(dir, "heapmage-plan.json"), filepath.Join(own, "heapmage-plan.json"))
		sh(t, own, path, strings.Join(template.Script, "\n"), "SHARD="+of["SHARD"])
		maps.Copy(built, outputs(t, own))
	}
	if !maps.Equal(built, allBuilt) {
		t.Errorf("the shards together have built %v", built)
	}
}

func TestTheRecipeForBuildkite(t *testing.T) {
	program, origin := programFolder(t), repository(t)
	tasksTake(t, program, origin)
	path, artifacts := manager(t, program), "ARTIFACTS="+t.TempDir()
	testkit.Write(t, origin, ".buildkite/shard.sh", recipe(t, ".buildkite/shard.sh"))
	testkit.Write(t, origin, ".buildkite/plan.sh", oneProcessor(recipe(t, ".buildkite/plan.sh")))
	if err := os.Chmod(filepath.Join(origin, ".buildkite/shard.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, origin, "add", "-A")
	git(t, origin, "commit", "-q", "-m", "pipeline")

	var pipeline struct {
		Steps []struct {
			Command string
			Env     map[string]string
		}
	}
	if err := yaml.Unmarshal([]byte(recipe(t, ".buildkite/pipeline.yml")), &pipeline); err != nil || len(pipeline.Steps) != 1 {
		t.Fatal(err)
	}
	dir := clone(t, origin)
	sh(t, dir, path, pipeline.Steps[0].Command, artifacts)
	text, err := os.ReadFile(filepath.Join(strings.TrimPrefix(artifacts, "ARTIFACTS="), "pipeline.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &pipeline); err != nil || len(pipeline.Steps) < 2 {
		t.Fatalf("%v\n%s", err, text)
	}
	built := map[string]string{}
	for _, step := range pipeline.Steps {
		own := clone(t, origin)
		sh(t, own, path, step.Command, artifacts, "SHARD="+step.Env["SHARD"])
		maps.Copy(built, outputs(t, own))
	}
	if !maps.Equal(built, allBuilt) {
		t.Errorf("the shards together have built %v", built)
	}
}
