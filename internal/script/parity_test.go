package script

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/workspace"
)

// installedManagers installs testdata/managers once into the user's cache: the package
// managers, and a Node that all of them run with.
func installedManagers(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts package managers; left out with -short")
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the programs of testdata/managers are those of Linux on x64")
	}
	manifest, err := os.ReadFile("testdata/managers/package.json")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	dir := filepath.Join(cache, "heapmage-test", fmt.Sprintf("managers-%x", sha256.Sum256(manifest))[:23])
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, os.DirFS("testdata/managers")); err != nil {
			t.Fatal(err)
		}
		c := exec.Command("npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund")
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			unlessCI(t, fmt.Sprintf("the managers cannot be installed: %v\n%s", err, out))
		}
	}
	return filepath.Join(dir, "node_modules")
}

// manager is one version of a package manager.
type manager struct {
	t     *testing.T
	name  string // "pnpm"
	major string
	all   string // where all managers are
	home  string
	root  string // of a workspace
}

// manifest is the manager's package.json.
func (m manager) manifest() (version string, bin map[string]string) {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.all, m.name+m.major, "package.json"))
	if err != nil {
		m.t.Fatal(err)
	}
	var manifest struct {
		Version string
		Bin     map[string]string
	}
	_ = json.Unmarshal(text, &manifest) // bun's "bin" is a text
	return manifest.Version, manifest.Bin
}

// open makes a workspace of the manager, whose program is on PATH.
func (m *manager) open(scripts map[string]string, files map[string]string) {
	m.t.Helper()
	version, bin := m.manifest()
	m.home = m.t.TempDir()
	m.root = filepath.Join(m.home, "repo")
	own, err := json.Marshal(scripts)
	if err != nil {
		m.t.Fatal(err)
	}
	declared := fmt.Sprintf(`, "packageManager": "%s@%s"`, m.name, version)
	if m.name == "pnpm" && m.major == "12" {
		declared = "" // it would look up each of its own packages in the registry first
	}
	all := map[string]string{
		"package.json": `{"name": "root", "private": true, "workspaces": ["packages/*"]` + declared + `}`,
		"packages/a/package.json": fmt.Sprintf(`{"name": "@x/a", "version": "1.2.3", "bin": {"foo": "x.js"}, "config": {"port": "80", "deep": {"er": true}},
			"engines": {"node": ">=20"}, "keywords": ["a", "b"], "scripts": %s}`, own),
		"packages/a/x.js":    "#!/usr/bin/env node\n",
		"packages/a/vars.js": `for (const k of Object.keys(process.env).sort()) console.log("= " + JSON.stringify(k + '=' + process.env[k])); console.log("= " + JSON.stringify('cwd=' + process.cwd())); console.log("= " + JSON.stringify('shell=' + process.argv[2]))`,
	}
	switch {
	case m.name == "pnpm":
		all["pnpm-workspace.yaml"] = "packages: ['packages/*']\nverifyDepsBeforeRun: false\n"
	case m.name == "yarn" && m.major == "4":
		all[".yarnrc.yml"], all["yarn.lock"] = "nodeLinker: node-modules\nenableTelemetry: false\n", ""
	case m.name == "bun":
		all["bun.lock"] = "{\n  \"lockfileVersion\": 1,\n  \"workspaces\": {},\n  \"packages\": {}\n}\n"
	}
	maps.Copy(all, files)
	for name, text := range all {
		path := filepath.Join(m.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			m.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
	program := filepath.Join(m.all, m.name+m.major, bin[m.name])
	switch m.name + m.major {
	case "bun":
		program = filepath.Join(m.all, "bun", "bin", "bun")
	case "pnpm12":
		program = filepath.Join(m.all, "pnpm12", "pnpm")
	}
	if err := os.Chmod(program, 0o755); err != nil { // npm sees to those that a package lists as its programs
		m.t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(m.home, "bin"), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(m.home, "bin", m.name)); err != nil {
		m.t.Fatal(err)
	}
	if m.name == "yarn" && m.major == "4" {
		if out, err := m.command(nil, "yarn", "install").CombinedOutput(); err != nil {
			m.t.Fatalf("%v\n%s", err, out)
		}
	}
}

func (m manager) environ(extra []string) []string {
	return append([]string{"HOME=" + m.home, "PATH=" + filepath.Join(m.home, "bin") + ":" + filepath.Join(m.all, "node", "bin") + ":/usr/bin:/bin"}, extra...)
}

func (m manager) command(extra []string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(m.home, "bin", args[0]), args[1:]...)
	c.Dir, c.Env = filepath.Join(m.root, "packages", "a"), m.environ(extra)
	return c
}

// theirs is what a script prints under the manager.
func (m manager) theirs(script string, extra ...string) string {
	m.t.Helper()
	c := m.command(extra, m.name, "run", script)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		m.t.Fatalf("%s run %s: %v\n%s%s", m.name, script, err, out, stderr.Bytes())
	}
	return string(out)
}

// ours is what it prints under heapmage.
func (m manager) ours(script string, extra ...string) string {
	m.t.Helper()
	return m.oursWith(script, Options{}, extra...)
}

func (m manager) oursWith(script string, o Options, extra ...string) string {
	m.t.Helper()
	ws, err := workspace.Load(filepath.Join(m.root, "packages", "a"))
	if err != nil {
		m.t.Fatal(err)
	}
	settings, err := ReadSettings(m.t.Context(), ws, m.environ(extra), 0, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	i := slices.IndexFunc(ws.Packages, func(p *workspace.Package) bool { return p.Dir == "packages/a" })
	texts, links := settings.Programs()
	bin := m.t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			m.t.Fatal(err)
		}
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			m.t.Fatal(err)
		}
	}
	if len(texts)+len(links) == 0 {
		bin = ""
	}
	o.Environ, o.InitDir, o.Bin = settings.Environ(ws.Packages[i], m.environ(extra)), ws.Packages[i].Path, bin
	steps, err := Steps(settings, ws.Packages[i], script, o)
	if err != nil {
		m.t.Fatal(err)
	}
	var all []byte
	for _, step := range steps {
		c := exec.Command(step.Args[0], step.Args[1:]...)
		var stderr bytes.Buffer
		c.Dir, c.Env, c.Stderr = step.Dir, step.Env, &stderr
		out, err := c.Output()
		if err != nil {
			m.t.Fatalf("%s: %v\n%s%s", step.Command, err, out, stderr.Bytes())
		}
		all = append(all, out...)
	}
	return string(all)
}

// printed are the variables that the script "vars" printed.
func printed(t *testing.T, text string) map[string]string {
	t.Helper()
	vars := map[string]string{}
	for line := range strings.Lines(text) {
		quoted, ok := strings.CutPrefix(line, "= ")
		var entry string
		if !ok || json.Unmarshal([]byte(quoted), &entry) != nil {
			continue // a line of the manager's own
		}
		name, value, _ := strings.Cut(entry, "=")
		vars[name] = value
	}
	return vars
}

// difference is one that stands: which managers, which variables, and why.
type difference struct {
	manager, variables, reason string
}

var managers = []struct{ name, major string }{
	{"npm", "10"}, {"npm", "11"}, {"pnpm", "8"}, {"pnpm", "9"}, {"pnpm", "10"}, {"pnpm", "11"}, {"pnpm", "12"}, {"yarn", "1"}, {"yarn", "4"}, {"bun", ""},
}

// setUp is a manager with settings that change how it runs scripts.
type setUp struct {
	name, major, settings string
	files                 map[string]string
}

// ownSettings are of pnpm 10 and newer, and of each type.
const ownSettings = `packages: ['packages/*']
verifyDepsBeforeRun: false
shellEmulator: true
enablePrePostScripts: false
nodeOptions: --no-warnings
childConcurrency: 3
savePrefix: ""
strictPeerDependencies: null
publicHoistPattern: [x]
overrides: {x: "1"}
`

// setUps are all managers as they are, and those that run scripts in their own shell or
// resolve packages themselves.
func setUps() (all []setUp) {
	for _, m := range managers {
		all = append(all, setUp{m.name, m.major, "", map[string]string{".npmrc": "node-options=--no-warnings\nnode-linker=hoisted\n"}})
		switch {
		case m.name == "pnpm" && m.major == "9":
			all = append(all, setUp{m.name, m.major, "shell-emulator", map[string]string{
				".npmrc": "shell-emulator=true\nenable-pre-post-scripts=true\n", "packages/a/.npmrc": "node-options=--no-warnings\n"}})
		case m.name == "pnpm" && m.major == "8":
			all = append(all, setUp{m.name, m.major, "shell-emulator", map[string]string{".npmrc": "shell-emulator=true\nenable-pre-post-scripts=true\n"}})
		case m.name == "pnpm":
			all = append(all, setUp{m.name, m.major, "shellEmulator", map[string]string{
				"pnpm-workspace.yaml": ownSettings}})
		case m.name == "yarn" && m.major == "4":
			all = append(all, setUp{m.name, m.major, "pnp", map[string]string{".yarnrc.yml": "enableTelemetry: false\n"}},
				setUp{m.name, m.major, "environment files", map[string]string{
					"packages/a/.env.yarn": "NODE_OPTIONS=--no-warnings\nexport A=\"a  ${HOME}\" # c\nB=${A}-${GONE:-b}\nPWD=x\n"}})
		}
	}
	return all
}

// Each manager runs one script with its hooks once: starting them is what takes time.
func TestScriptsRunAsUnderEachManager(t *testing.T) {
	all := installedManagers(t)
	for _, u := range setUps() {
		t.Run(strings.TrimSpace(u.name+" "+u.major+" "+u.settings), func(t *testing.T) {
			m := &manager{t: t, name: u.name, major: u.major, all: all}
			info := `node vars.js "${BASH_VERSION:+bash}"`
			if u.settings != "" {
				info = "node vars.js" // their own shells know no such form
			}
			m.open(map[string]string{"previnfo": "echo hook pre", "vinfo": info, "postvinfo": "echo hook post $(pwd)"}, u.files)
			ours, theirs := m.ours("vinfo"), m.theirs("vinfo")
			m.compare(printed(t, ours), printed(t, theirs))
			if got, want := hooks(ours), hooks(theirs); !slices.Equal(got, want) {
				t.Errorf("hooks are %q, %s has %q", got, m.name, want)
			}
		})
	}
}

// hooks are the lines of the hooks, and the place of the script among them.
func hooks(text string) (lines []string) {
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "hook "):
			lines = append(lines, strings.TrimSpace(line))
		case strings.HasPrefix(line, `= "cwd=`):
			lines = append(lines, "script")
		}
	}
	return lines
}

// compare reports every difference that is none of those that stand.
func (m manager) compare(got, want map[string]string) {
	m.t.Helper()
	all := maps.Clone(got)
	maps.Copy(all, want)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		ours, has := got[name]
		theirs, had := want[name]
		if name == "PATH" {
			ours, theirs = m.folders(ours), m.folders(theirs)
		}
		switch {
		case has == had && ours == theirs, m.stands(name):
		case !has:
			m.t.Errorf("%s is missing: %s has %q", name, m.name, theirs)
		case !had:
			m.t.Errorf("%s=%q is ours alone", name, ours)
		default:
			m.t.Errorf("%s is %q, %s has %q", name, ours, m.name, theirs)
		}
	}
}

// folders are those of a PATH that count, each once: without those that the manager makes
// for the call, and without those that do not exist on this machine.
func (m manager) folders(path string) string {
	var kept []string
	for _, dir := range filepath.SplitList(path) {
		made := strings.HasPrefix(dir, "/tmp/yarn--") || strings.HasPrefix(dir, "/tmp/xfs-") || strings.HasPrefix(dir, filepath.Dir(m.home)) && !strings.HasPrefix(dir, m.home)
		if _, err := os.Stat(dir); !made && !slices.Contains(kept, dir) && (err == nil || strings.HasPrefix(dir, m.root)) {
			kept = append(kept, dir)
		}
	}
	return strings.Join(kept, ":")
}

// stands reports whether a difference is a known one.
func (m manager) stands(variable string) bool {
	return slices.ContainsFunc(differences, func(d difference) bool {
		return (d.manager == "" || regexp.MustCompile("^(?:"+d.manager+")$").MatchString(m.name+m.major)) && regexp.MustCompile("^(?:"+d.variables+")$").MatchString(variable)
	})
}

// differences are those that stand. docs/managers.md lists them for users.
var differences = []difference{
	{"", "_|SHLVL|OLDPWD|PWD", "the shell's own"},
	{"", "p?npm_config_node_options", "the options of the user's settings, merged with ours, for a manager inside the script"},
	{"pnpm.*|yarn1", "npm_config_(?:registry|_jsr_registry)", "the manager's default; one that is set in a file is the same"},
	{"npm11", "npm_config_allow_scripts", "empty, and of a setting of npm 11 on installing"},
	{"yarn4", "npm_execpath|BERRY_BIN_FOLDER", "yarn makes a folder for each script, heapmage one for all: .heapmage/bin"},
	{"yarn4", "npm_node_execpath", "the program itself rather than a script of that folder that starts it"},
	{"yarn4", "PATH", "node_modules/.bin of the package and of the root instead of yarn's folder of all programs: some more programs are found"},
	{"yarn4", "YARN_INJECT_ENVIRONMENT_FILES", "a yarn inside the script does not put the NODE_OPTIONS of a file in place of the merged ones"},
	{"yarn1", "PATH", "yarn's own folders for node-gyp and for globally installed programs"},
	{"bun", "npm_config_user_agent", "bun gives the version of Node that it imitates"},
}
