package workflows

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"

	// The program is built from these. Imported here, they make the test cache notice their changes.
	_ "github.com/heapmage/heapmage/mage"
	_ "github.com/heapmage/heapmage/mage/build"
)

// repository is a workspace under version control.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"package.json":               `{"name": "top", "private": true, "workspaces": ["packages/*"]}`,
		"heapmage.yaml":              "cache: on\n",
		".gitignore":                 "node_modules\ndist\n.heapmage\n",
		"packages/core/package.json": `{"name": "core", "version": "1.0.0", "scripts": {"build": "mkdir -p dist && cp a.txt dist/a.txt"}}`,
		"packages/core/a.txt":        "a\n",
		"packages/web/package.json":  `{"name": "web", "version": "1.0.0", "dependencies": {"core": "1.0.0"}, "scripts": {"build": "mkdir -p dist && cat ../core/dist/a.txt b.txt > dist/b.txt"}}`,
		"packages/web/b.txt":         "b\n",
		"packages/docs/package.json": `{"name": "docs", "version": "1.0.0", "scripts": {"build": "mkdir -p dist && cp c.txt dist/c.txt"}}`,
		"packages/docs/c.txt":        "c\n",
	} {
		testkit.Write(t, dir, name, text)
	}
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "first")
	return dir
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	args = append([]string{"-C", dir, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"}, args...)
	if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// clone is a new clone, with what npm would have installed.
func clone(t *testing.T, from string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	git(t, ".", "clone", "-q", from, dir)
	testkit.Write(t, dir, "node_modules/.keep", "")
	return dir
}

// hosted is GitHub's cache.
type hosted struct {
	order []string
	saved map[string]string // a folder by its key
}

func (h *hosted) save(t *testing.T, key, dir string) {
	t.Helper()
	if h.saved[key] != "" {
		t.Fatalf("%s was saved before", key)
	}
	to := t.TempDir()
	copyAll(t, filepath.Join(dir, ".heapmage", "cache"), filepath.Join(to, "cache"))
	copyAll(t, filepath.Join(dir, ".heapmage", "history.jsonl"), filepath.Join(to, "history.jsonl"))
	if h.saved == nil {
		h.saved = map[string]string{}
	}
	h.saved[key], h.order = to, append(h.order, key)
}

// restore restores what was saved last under a key that begins with one of those.
func (h *hosted) restore(t *testing.T, dir string, keys ...string) (key string) {
	t.Helper()
	for _, prefix := range keys {
		for _, key := range slices.Backward(h.order) {
			if strings.HasPrefix(key, prefix) {
				if err := os.MkdirAll(filepath.Join(dir, ".heapmage"), 0o755); err != nil {
					t.Fatal(err)
				}
				copyAll(t, filepath.Join(h.saved[key], "cache"), filepath.Join(dir, ".heapmage", "cache"))
				copyAll(t, filepath.Join(h.saved[key], "history.jsonl"), filepath.Join(dir, ".heapmage", "history.jsonl"))
				return key
			}
		}
	}
	return ""
}

// copyAll copies a file or a folder with its times, as an archive has them, if it is there.
func copyAll(t *testing.T, from, to string) {
	t.Helper()
	if _, err := os.Stat(from); err != nil {
		return
	}
	if out, err := exec.CommandContext(t.Context(), "cp", "-Rp", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// programFolder is a folder with a compiled heapmage.
func programFolder(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles the targets; left out with -short")
	}
	if _, err := exec.LookPath("node"); err != nil {
		testkit.UnlessCI(t, "there is no node")
	}
	dir := t.TempDir()
	if err := testkit.Targets(root, filepath.Join(dir, "heapmage")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// job runs the steps of the action in a clone, and returns what the targets printed and their exit code.
func (h *hosted) job(t *testing.T, program, dir, event, ref, runID, targets string) (said string, code int, restored, saved string) {
	t.Helper()
	m := newMachine(t, dir)
	m.env["PATH"] = program + string(filepath.ListSeparator) + m.env["PATH"]
	m.env["GITHUB_EVENT_NAME"], m.env["GITHUB_REF"], m.env["GITHUB_RUN_ID"] = event, ref, runID
	for name, value := range map[string]string{"install": "none", "version": "", "cache": "true", "name": "", "folder": ".", "targets": targets, "keep": "1GB"} {
		m.values["inputs."+name] = value
	}
	m.values["github.event.repository.default_branch"] = "main"
	steps := stepsIn(t, actionFile, "runs", "steps")
	if command := m.must(steps["find heapmage"])["command"]; command != "heapmage" {
		t.Fatalf("the command is %q", command)
	}
	where := m.must(steps[scopeStep])
	restored = h.restore(t, dir, where["key"], where["own"], where["trusted"])
	m.must(steps["read the committed history"])
	_, said, code = m.run(steps["run"])
	if where["writes"] == "true" && m.must(steps["tell whether something is new"])["something"] == "true" {
		h.save(t, where["key"], dir)
		saved = where["key"]
	}
	return said, code, restored, saved
}

func TestTheActionFromRunToRun(t *testing.T) {
	program, origin, h := programFolder(t), repository(t), &hosted{}

	said, code, restored, saved := h.job(t, program, clone(t, origin), "push", "refs/heads/main", "1", "build")
	if code != 0 || restored != "" || !strings.HasPrefix(saved, "heapmage.1.trusted.Linux.X64.") {
		t.Fatalf("the first run: exit code %d, restored %q, saved %q\n%s", code, restored, saved, said)
	}

	dir := clone(t, origin)
	said, code, restored, again := h.job(t, program, dir, "push", "refs/heads/main", "2", "build")
	if code != 0 || restored != saved || strings.Count(said, "restored from cache") != 3 {
		t.Fatalf("the second run: exit code %d, restored %q\n%s", code, restored, said)
	}
	if again != "" {
		t.Errorf("nothing was new, and %s was saved", again)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "packages/web/dist/b.txt")); err != nil || string(text) != "a\nb\n" {
		t.Errorf("%q, %v", text, err)
	}

	// A pull request has what the default branch has, and keeps its own.
	testkit.Write(t, origin, "packages/web/b.txt", "changed\n")
	git(t, origin, "commit", "-q", "-am", "change")
	said, code, restored, own := h.job(t, program, clone(t, origin), "pull_request", "refs/pull/12/merge", "3", "build")
	if code != 0 || restored != saved || !strings.HasPrefix(own, "heapmage.1.pull-12.") || strings.Count(said, "restored from cache") != 2 {
		t.Fatalf("a pull request: exit code %d, restored %q, saved %q\n%s", code, restored, own, said)
	}
	said, _, restored, _ = h.job(t, program, clone(t, origin), "pull_request", "refs/pull/12/merge", "4", "build")
	if restored != own || strings.Count(said, "restored from cache") != 3 {
		t.Errorf("the pull request again: restored %q\n%s", restored, said)
	}

	// Nobody else has that: not the default branch, not another pull request.
	for ref, event := range map[string]string{"refs/heads/main": "push", "refs/pull/1/merge": "pull_request", "refs/pull/121/merge": "pull_request"} {
		if _, _, restored, _ := h.job(t, program, clone(t, origin), event, ref, "5"+strings.Map(digits, ref), "build"); strings.Contains(restored, "pull-12.") {
			t.Errorf("%s restored %s", ref, restored)
		}
	}
	for _, event := range []string{"pull_request_target", "workflow_run", "issue_comment", "merge_group"} {
		if _, _, restored, saved := h.job(t, program, clone(t, origin), event, "refs/heads/main", "6", "build"); saved != "" || !strings.HasPrefix(restored, "heapmage.1.trusted.") {
			t.Errorf("%s restored %q and saved %q", event, restored, saved)
		}
	}
}

func digits(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}

// A build that fails keeps what has succeeded, and its exit code.
func TestTheActionKeepsWhatAFailedBuildHasDone(t *testing.T) {
	program, origin, h := programFolder(t), repository(t), &hosted{}
	testkit.Write(t, origin, "packages/web/package.json", `{"name": "web", "version": "1.0.0", "dependencies": {"core": "1.0.0"}, "scripts": {"build": "exit 7"}}`)
	git(t, origin, "commit", "-q", "-am", "break it")
	said, code, _, saved := h.job(t, program, clone(t, origin), "push", "refs/heads/main", "1", "build\ntypecheck")
	if code != 1 || saved == "" {
		t.Fatalf("exit code %d, saved %q\n%s", code, saved, said)
	}
	if said, _, _, _ = h.job(t, program, clone(t, origin), "push", "refs/heads/main", "2", "build"); !strings.Contains(said, "core restored from cache") {
		t.Errorf("core was built again:\n%s", said)
	}
}

// No input is a command.
func TestTheActionsInputsAreNoCommands(t *testing.T) {
	program, origin := programFolder(t), repository(t)
	dir := clone(t, origin)
	mark := filepath.Join(dir, "mark")
	for _, evil := range []string{"$(touch mark)", "build; touch mark", "`touch mark`", "build\n$(touch mark)", "build && touch mark", "-workspace=$(touch${IFS}mark)"} {
		(&hosted{}).job(t, program, dir, "push", "refs/heads/main", "1", evil)
		if _, err := os.Stat(mark); err == nil {
			t.Fatalf("%q was run by a shell", evil)
		}
	}
}

// Mistakes are told before anything is done, with exit code 2.
func TestMistakesInTheActionsInputs(t *testing.T) {
	steps := stepsIn(t, actionFile, "runs", "steps")
	for _, tt := range []struct{ install, version, cache, want string }{
		{"none", "", "true", "neither among the installed dev dependencies nor on PATH"},
		{"brew", "", "true", `install: it is "none", "npm" or "go"`},
		{"npm", "", "true", "version: name one"},
		{"npm", "latest", "true", "version: name one"},
		{"npm", "1.2.3 --registry=http://example.org", "true", "version: name one"},
		{"npm", "1.2.3\n", "true", "version: name one"},
		{"npm", "file:../x", "true", "version: name one"},
		{"npm", "npm:another@1.2.3", "true", "version: name one"},
		{"none", "", "yes", `cache: it is "true" or "false"`},
	} {
		m := newMachine(t, t.TempDir())
		m.env["PATH"] = "/usr/bin:/bin"
		m.values["inputs.install"], m.values["inputs.version"], m.values["inputs.cache"] = tt.install, tt.version, tt.cache
		if outputs, said, code := m.run(steps["find heapmage"]); code != 2 || len(outputs) != 0 || !strings.Contains(said, tt.want) {
			t.Errorf("%+v: exit code %d, outputs %v\n%s", tt, code, outputs, said)
		}
	}
	m := newMachine(t, t.TempDir())
	m.values["steps.command.outputs.command"], m.values["inputs.targets"] = "false", " \n\n"
	if _, said, code := m.run(steps["run"]); code != 2 || !strings.Contains(said, "name at least one") {
		t.Errorf("no targets: exit code %d\n%s", code, said)
	}
}

// What the repository has goes first.
func TestWhichHeapmageTheActionTakes(t *testing.T) {
	steps := stepsIn(t, actionFile, "runs", "steps")
	bin := t.TempDir()
	testkit.Write(t, bin, "heapmage", "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(bin, "heapmage"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ install, file, want string }{
		{"none", "", "heapmage"},
		{"none", "node_modules/.bin/heapmage", "./node_modules/.bin/heapmage"},
		{"none", ".pnp.cjs", "yarn heapmage"},
		{"go", "", "go tool mage"},
	} {
		m := newMachine(t, t.TempDir())
		m.env["PATH"] = bin + ":" + m.env["PATH"]
		if tt.file != "" {
			testkit.Write(t, m.dir, tt.file, "")
		}
		m.values["inputs.install"], m.values["inputs.version"], m.values["inputs.cache"] = tt.install, "", "true"
		if got := m.must(steps["find heapmage"])["command"]; got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

var inputNames = regexp.MustCompile(`inputs\.([\w-]+)`)

// Every input that is used is declared, and the other way round: actionlint does not read actions.
func TestTheActionsInputsAreDeclared(t *testing.T) {
	for _, f := range files(t) {
		if f.name != actionFile {
			continue
		}
		used := map[string]bool{}
		for _, m := range inputNames.FindAllStringSubmatch(f.text, -1) {
			used[m[1]] = true
		}
		declared := get(&f.yaml, "inputs")
		for i := 0; i < len(declared.Content); i += 2 {
			if name := declared.Content[i].Value; !used[name] {
				t.Errorf("the input %s is not used", name)
			} else {
				delete(used, name)
			}
		}
		for name := range used {
			t.Errorf("the input %s is not declared", name)
		}
	}
}
