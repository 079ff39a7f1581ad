package workflows

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	root       = "../.."
	actionFile = ".github/actions/heapmage/action.yml"
	shardsFile = ".github/workflows/shards.yml"
)

// file is a workflow, an action, or a recipe of a page.
type file struct {
	name string
	text string
	yaml yaml.Node
}

var block = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// files are all that there are.
func files(t *testing.T) (all []file) {
	t.Helper()
	add := func(name, text string) {
		f := file{name: name, text: text}
		if err := yaml.Unmarshal([]byte(text), &f.yaml); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		all = append(all, f)
	}
	for _, pattern := range []string{".github/workflows/*.yml", ".github/actions/*/action.yml", "internal/setup/testdata/*.yml"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		for _, name := range names {
			rel, _ := filepath.Rel(root, name)
			add(filepath.ToSlash(rel), read(t, rel))
		}
	}
	for _, page := range []string{"docs/ci.md", "docs/cache-security.md"} {
		for _, m := range block.FindAllStringSubmatch(read(t, page), -1) {
			add(page, m[1])
		}
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// each calls visit for every key of a mapping, at any depth, with its value.
func each(n *yaml.Node, visit func(key string, value *yaml.Node)) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			visit(n.Content[i].Value, n.Content[i+1])
		}
	}
	for _, c := range n.Content {
		each(c, visit)
	}
}

// get is what stands under the keys of a mapping; nil if nothing does.
func get(n *yaml.Node, path ...string) *yaml.Node {
	if n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
next:
	for _, key := range path {
		for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
			if n.Content[i].Value == key {
				n = n.Content[i+1]
				continue next
			}
		}
		return nil
	}
	return n
}

var (
	pinned  = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)
	version = regexp.MustCompile(`^# v\d+\.\d+\.\d+$`)
)

// A tag can be moved, a commit cannot. Our own action is named by the release that a reader wants.
func TestActionsOfOthersArePinned(t *testing.T) {
	commits, count := map[string]string{}, 0
	for _, f := range files(t) {
		each(&f.yaml, func(key string, value *yaml.Node) {
			if key != "uses" || strings.HasPrefix(value.Value, "./") || strings.HasPrefix(value.Value, "heapmage/heapmage/") {
				return
			}
			count++
			if !pinned.MatchString(value.Value) || !version.MatchString(value.LineComment) {
				t.Errorf("%s: %s %s: it is not pinned to a commit, with its version behind", f.name, value.Value, value.LineComment)
			}
			action, commit, _ := strings.Cut(value.Value, "@")
			parts := strings.SplitN(action, "/", 3)
			repository := parts[0] + "/" + parts[1]
			if before, ok := commits[repository]; ok && before != commit+value.LineComment {
				t.Errorf("%s: %s is another commit than elsewhere", f.name, value.Value)
			}
			commits[repository] = commit + value.LineComment
		})
	}
	if count < 20 {
		t.Errorf("only %d actions were seen", count)
	}
}

// What an expression stands for becomes a part of the script: a title of a pull request would be a command.
func TestNoExpressionInAScript(t *testing.T) {
	count := 0
	for _, f := range files(t) {
		each(&f.yaml, func(key string, value *yaml.Node) {
			if key != "run" || value.Kind != yaml.ScalarNode {
				return
			}
			count++
			if strings.Contains(value.Value, "${{") && !allowed(f, value) {
				t.Errorf("%s:%d: an expression in a script: pass it in a variable", f.name, value.Line)
			}
		})
	}
	if count < 20 {
		t.Errorf("only %d scripts were seen", count)
	}
}

// allowed are expressions that nobody outside can choose: numbers.
func allowed(f file, script *yaml.Node) bool {
	rest := strings.ReplaceAll(script.Value, "${{ github.event.pull_request.number }}", "")
	return f.name == "docs/ci.md" && !strings.Contains(rest, "${{")
}

// A workflow names the rights of its jobs, and those that run code of pull requests may only read.
func TestLeastRights(t *testing.T) {
	for _, f := range files(t) {
		if get(&f.yaml, "jobs") == nil || f.name == "docs/ci.md" && get(&f.yaml, "on") == nil {
			continue
		}
		top := get(&f.yaml, "permissions")
		if top == nil {
			t.Errorf("%s: it names no permissions", f.name)
			continue
		}
		for i := 0; i+1 < len(top.Content); i += 2 {
			if top.Content[i+1].Value != "read" {
				t.Errorf("%s: all jobs may %s %s", f.name, top.Content[i+1].Value, top.Content[i].Value)
			}
		}
		jobs := get(&f.yaml, "jobs")
		for i := 0; i+1 < len(jobs.Content); i += 2 {
			rights := get(jobs.Content[i+1], "permissions")
			if len(top.Content) == 0 && rights == nil {
				t.Errorf("%s: job %s has no rights, not even to read", f.name, jobs.Content[i].Value)
			}
			if rights == nil || get(&f.yaml, "on", "push", "tags") != nil { // what releases is run by a tag alone
				continue
			}
			for j := 0; j+1 < len(rights.Content); j += 2 {
				if rights.Content[j+1].Value != "read" {
					t.Errorf("%s: job %s may %s %s", f.name, jobs.Content[i].Value, rights.Content[j+1].Value, rights.Content[j].Value)
				}
			}
		}
	}
}

// Secrets reach one step each, not the installation of dependencies beside it.
func TestSecretsReachTheBuildAlone(t *testing.T) {
	for _, f := range files(t) {
		each(&f.yaml, func(key string, value *yaml.Node) {
			if key != "env" || !strings.Contains(flat(value), "secrets.") {
				return
			}
			if !strings.Contains(flat(value), "HEAPMAGE") {
				t.Errorf("%s:%d: a secret in an environment that is not that of heapmage's step", f.name, value.Line)
			}
		})
		for _, path := range [][]string{{"env"}} {
			if n := get(&f.yaml, path...); n != nil && strings.Contains(flat(n), "secrets.") {
				t.Errorf("%s: all jobs get a secret", f.name)
			}
		}
		if jobs := get(&f.yaml, "jobs"); jobs != nil {
			for i := 1; i < len(jobs.Content); i += 2 {
				if n := get(jobs.Content[i], "env"); n != nil && strings.Contains(flat(n), "secrets.") {
					t.Errorf("%s: all steps of job %s get a secret", f.name, jobs.Content[i-1].Value)
				}
			}
		}
	}
}

// flat is all text of a node.
func flat(n *yaml.Node) string {
	text := n.Value
	for _, c := range n.Content {
		text += " " + flat(c)
	}
	return text
}

// checkout would leave a token with which later steps can push.
func TestNoTokenStaysInTheClone(t *testing.T) {
	for _, f := range files(t) {
		if strings.HasPrefix(f.name, "docs/") && get(&f.yaml, "on") == nil {
			continue
		}
		each(&f.yaml, func(key string, value *yaml.Node) {
			if key != "steps" {
				return
			}
			for _, step := range value.Content {
				uses := get(step, "uses")
				if uses == nil || !strings.HasPrefix(uses.Value, "actions/checkout@") {
					continue
				}
				if keep := get(step, "with", "persist-credentials"); keep == nil || keep.Value != "false" {
					t.Errorf("%s:%d: persist-credentials is not false", f.name, uses.Line)
				}
			}
		})
	}
}
