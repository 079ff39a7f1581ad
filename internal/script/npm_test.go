package script

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/workspace"
)

// unlessCI skips a test, and fails it on CI, where everything must be there.
func unlessCI(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// repository writes a workspace of one member, packages/a, with the scripts.
func repository(t *testing.T, extra map[string]string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts package managers; left out with -short")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		unlessCI(t, err.Error())
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"package.json": `{"name": "root", "private": true, "workspaces": ["packages/*"]}`,
		"packages/a/package.json": `{"name": "@x/a", "version": "1.2.3", "bin": {"foo": "x.js"}, "config": {"port": "80", "deep": {"er": true}},
			"engines": {"node": ">=20"}, "scripts": {"prevars": "true", "vars": "node vars.js", "prehook": "echo pre", "hook": "echo main", "posthook": "echo post",
			"other": "echo other", "args": "node -p \"JSON.stringify(process.argv.slice(1))\" --"}}`,
		// Prints the environment and the folder, one JSON string a line.
		"packages/a/vars.js": `for (const k of Object.keys(process.env).sort()) console.log(JSON.stringify(k + '=' + process.env[k])); console.log(JSON.stringify('cwd=' + process.cwd()))`,
	}
	for name, text := range extra {
		files[name] = text
	}
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// ours runs a script of packages/a as heapmage does and returns its output.
func ours(t *testing.T, root, name string, args ...string) string {
	t.Helper()
	ws, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := ReadSettings(t.Context(), ws, outerEnvironment(), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(ws.Packages, func(p *workspace.Package) bool { return p.Dir == "packages/a" })
	steps, err := Steps(settings, ws.Packages[i], name, Options{Environ: outerEnvironment(), Args: args, InitDir: ws.Packages[i].Path})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, step := range steps {
		c := exec.Command(step.Args[0], step.Args[1:]...)
		c.Dir, c.Env, c.Stdout, c.Stderr = step.Dir, step.Env, &out, &out
		if err := c.Run(); err != nil {
			fmt.Fprintf(&out, "%s: %v\n", step.event, err)
			break
		}
	}
	return out.String()
}

// npms runs it under "npm run" in the package's folder.
func npms(t *testing.T, root, name string, args ...string) string {
	t.Helper()
	c := exec.Command("npm", append([]string{"run", "--silent", name, "--"}, args...)...)
	c.Dir, c.Env = filepath.Join(root, "packages", "a"), outerEnvironment()
	out, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

// environ is this process's, without what an outer npm left in it.
func outerEnvironment() (list []string) {
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "npm_") && !strings.HasPrefix(entry, "INIT_CWD=") && !strings.HasPrefix(entry, "NODE=") {
			list = append(list, entry)
		}
	}
	return list
}

func variablesOf(text string) map[string]string {
	vars := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.Trim(strings.TrimSpace(line), `"`), "=")
		vars[name] = value
	}
	return vars
}

func TestTheEnvironmentIsThatOfNpmRun(t *testing.T) {
	root := repository(t, nil)
	got, want := variablesOf(ours(t, root, "vars")), variablesOf(npms(t, root, "vars"))
	// What differs on purpose.
	reasons := map[string]string{
		"_":                     "the shell's own: the program it started last",
		"OLDPWD":                "the shell's own: where it was before",
		"SHLVL":                 "the shell's own: how deep it is",
		"npm_config_user_agent": "npm counts selected workspaces in its last word; compared below",
	}
	for name, value := range want {
		ourValue, ok := got[name]
		switch {
		case reasons[name] != "":
		case strings.HasPrefix(name, "npm_config_") && !ok:
			// npm shows its whole configuration to scripts, some of it secret; what
			// scripts read of it is checked by name below.
		case !ok:
			t.Errorf("%s is missing: npm has %q", name, value)
		case ourValue != value:
			t.Errorf("%s is %q, npm has %q", name, ourValue, value)
		}
	}
	for name, value := range got {
		if _, ok := want[name]; !ok && reasons[name] == "" {
			t.Errorf("%s=%q is ours alone", name, value)
		}
	}
	for _, name := range []string{"npm_config_local_prefix", "npm_package_name", "npm_package_version", "npm_package_json", "npm_package_config_port",
		"npm_package_config_deep_er", "npm_package_bin_foo", "npm_package_engines_node", "npm_lifecycle_event", "npm_lifecycle_script", "npm_execpath",
		"npm_node_execpath", "npm_command", "npm_config_node_gyp", "NODE", "INIT_CWD", "PATH", "PWD", "cwd"} {
		if got[name] == "" || got[name] != want[name] {
			t.Errorf("%s is %q, npm has %q", name, got[name], want[name])
		}
	}
	agent := func(vars map[string]string) string {
		before, _, _ := strings.Cut(vars["npm_config_user_agent"], " workspaces/")
		return before
	}
	if agent(got) != agent(want) {
		t.Errorf("the user agent is %q, npm has %q", agent(got), agent(want))
	}
}

func TestShellFormsRunAsUnderNpm(t *testing.T) {
	for name, script := range map[string]string{
		"and":                       "echo a && echo b",
		"and that fails":            "false && echo b",
		"or":                        "false || echo b",
		"a subshell that may fail":  "(exit 3) || true; echo after",
		"substitution in quotes":    `echo "$(node -p "'a' + \"b\"")"`,
		"background and wait":       "(sleep 0.1; echo late) & echo early; wait",
		"a trailing comment":        "echo a # not this",
		"environment in front":      "FOO=1 node -p process.env.FOO",
		"environment in the middle": "echo a && FOO='b c' node -p process.env.FOO",
		"a program in quotes":       `node -e "console.log('x', 1 + 1)"`,
		"bash":                      `bash -c 'echo $npm_package_name'`,
		"where npm was started":     "echo $INIT_CWD",
		"the version":               "echo $npm_package_version",
		"another script":            `"$npm_node_execpath" "$npm_execpath" run --silent other`,
		"a failure":                 "exit 7",
	} {
		t.Run(name, func(t *testing.T) {
			root := repository(t, map[string]string{"packages/a/package.json": fmt.Sprintf(
				`{"name": "@x/a", "version": "1.2.3", "scripts": {"s": %q, "other": "echo other"}}`, script)})
			want, got := npms(t, root, "s"), ours(t, root, "s")
			if got = strings.Replace(got, "s: exit status 7\n", "", 1); name == "and that fails" {
				got = strings.Replace(got, "s: exit status 1\n", "", 1)
			}
			if got != want {
				t.Errorf("got %q, npm gives %q", got, want)
			}
		})
	}
}

func TestHooksAndArguments(t *testing.T) {
	root := repository(t, nil)
	if got, want := ours(t, root, "hook"), "pre\nmain\npost\n"; got != want || npms(t, root, "hook") != want {
		t.Errorf("got %q, npm gives %q, want %q", got, npms(t, root, "hook"), want)
	}
	args := []string{"a b", "$HOME", `it's`, `"quoted"`, "*", "", "--flag=x y", "back\\slash", "semi;colon"}
	if got, want := ours(t, root, "args", args...), npms(t, root, "args", args...); got != want {
		t.Errorf("got %q, npm gives %q", got, want)
	}
}

func TestBinsOfPackageAndRootAreFound(t *testing.T) {
	bin := func(text string) string { return "#!/bin/sh\necho " + text + "\n" }
	root := repository(t, map[string]string{
		"packages/a/package.json":               `{"name": "a", "scripts": {"s": "here; above; both"}}`,
		"packages/a/node_modules/.bin/here":     bin("here"),
		"node_modules/.bin/above":               bin("above"),
		"packages/a/node_modules/.bin/both":     bin("nearest"),
		"node_modules/.bin/both":                bin("farthest"),
		"packages/a/node_modules/.package-lock": "",
	})
	for _, p := range []string{"packages/a/node_modules/.bin/here", "node_modules/.bin/above", "packages/a/node_modules/.bin/both", "node_modules/.bin/both"} {
		if err := os.Chmod(filepath.Join(root, p), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := ours(t, root, "s"), "here\nabove\nnearest\n"; got != want {
		t.Errorf("got %q", got)
	}
}
