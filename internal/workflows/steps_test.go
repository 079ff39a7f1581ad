package workflows

import (
	"bytes"
	"errors"
	"fmt"
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

// step is a step of the action or of a job.
type step struct {
	where string
	id    string
	run   string
	env   map[string]string // with expressions
}

// stepsIn are the steps with a script at a place of a file, by their names.
func stepsIn(t *testing.T, name string, path ...string) map[string]step {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(read(t, name)), &doc); err != nil {
		t.Fatal(err)
	}
	list := get(&doc, path...)
	if list == nil {
		t.Fatalf("%s has no %v", name, path)
	}
	steps := map[string]step{}
	for _, n := range list.Content {
		run := get(n, "run")
		if run == nil {
			continue
		}
		s := step{where: fmt.Sprintf("%s:%d", name, n.Line), run: run.Value, env: map[string]string{}}
		if id := get(n, "id"); id != nil {
			s.id = id.Value
		}
		if env := get(n, "env"); env != nil {
			if err := env.Decode(&s.env); err != nil {
				t.Fatal(err)
			}
		}
		steps[get(n, "name").Value] = s
	}
	return steps
}

// machine is a runner: its folders and variables.
type machine struct {
	t      *testing.T
	dir    string // the workspace
	temp   string
	env    map[string]string
	values map[string]string // of expressions, such as inputs.name
}

func newMachine(t *testing.T, dir string) *machine {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		testkit.UnlessCI(t, "there is no bash")
	}
	m := &machine{t: t, dir: dir, temp: t.TempDir(), values: map[string]string{}}
	m.env = map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": t.TempDir(), "CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_TEMP": m.temp, "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64",
		"GITHUB_JOB": "build", "GITHUB_RUN_ID": "1001", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main",
	}
	return m
}

var expression = regexp.MustCompile(`\$\{\{ ([\w.-]+) \}\}`)

// run runs a step as GitHub's runner does, and returns its outputs and its exit code. Its outputs become
// values.
func (m *machine) run(s step) (outputs map[string]string, said string, code int) {
	m.t.Helper()
	env := maps.Clone(m.env)
	for name, text := range s.env {
		env[name] = expression.ReplaceAllStringFunc(text, func(e string) string {
			path := expression.FindStringSubmatch(e)[1]
			value, ok := m.values[path]
			if !ok {
				m.t.Fatalf("%s: nothing is known of %s", s.where, path)
			}
			return value
		})
	}
	script, outs, paths := filepath.Join(m.temp, "step.sh"), filepath.Join(m.temp, "outputs"), filepath.Join(m.temp, "paths")
	for name, text := range map[string]string{script: s.run, outs: "", paths: ""} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			m.t.Fatal(err)
		}
	}
	env["GITHUB_OUTPUT"], env["GITHUB_PATH"] = outs, paths
	c := exec.CommandContext(m.t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", script)
	c.Dir = m.dir
	for name, value := range env {
		c.Env = append(c.Env, name+"="+value)
	}
	var both bytes.Buffer
	c.Stdout, c.Stderr = &both, &both
	err := c.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		m.t.Fatalf("%s: %v", s.where, err)
	}
	text, err := os.ReadFile(outs)
	if err != nil {
		m.t.Fatal(err)
	}
	outputs = map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok {
			m.t.Fatalf("%s: %q is no output", s.where, line)
		}
		outputs[name] = value
		m.values["steps."+s.id+".outputs."+name] = value
	}
	return outputs, both.String(), code
}

// must is run for a step that succeeds.
func (m *machine) must(s step) map[string]string {
	m.t.Helper()
	outputs, said, code := m.run(s)
	if code != 0 {
		m.t.Fatalf("%s: exit code %d\n%s", s.where, code, said)
	}
	return outputs
}
