package shim

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/admission"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/testkit"
)

// see writes what a script sees into files: each part by a program that changes none of it.
const see = `tr '\0' '\n' < /proc/$$/environ | sort > seen.env; tr '\0' '\n' < /proc/$$/cmdline > seen.args; ` +
	`(umask; pwd; readlink /proc/$$/exe; cat /proc/$$/limits; cut -d' ' -f7,8,19 /proc/$$/stat; ls /proc/$$/fd) > seen.rest; ` +
	`exec grep -E '^(Sig(Blk|Ign|Cgt)|Groups|NoNewPrivs|Cpus_allowed)' /proc/self/status > seen.status`

// changes are what differs between two runs.
var changes = regexp.MustCompile(`(?m)^(TURBO_HASH|NX_TASK_HASH|npm_config_cache|.*_FILENAME|NX_.*PID)=.*$|\b[0-9]{5,}\b`)

// TestRunners: under each of them a script sees the same with and without a guard.
func TestRunners(t *testing.T) {
	if testing.Short() {
		t.Skip("starts task runners; left out with -short")
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("the programs of testdata/runners are those of Linux on x64")
	}
	modules := filepath.Join(filepath.Dir(testkit.Script(t, "testdata/runners", "package.json")), "node_modules")
	in := func(parts ...string) string { return filepath.Join(append([]string{modules}, parts...)...) }
	for name, tt := range map[string]struct {
		args []string
		root map[string]string // files of the workspace
	}{
		"npm":       {[]string{"node", in("npm10", "bin", "npm-cli.js"), "run", "see", "-w", "packages/a"}, nil},
		"pnpm 10":   {[]string{"node", in("pnpm10", "bin", "pnpm.cjs"), "--filter", "a", "run", "see"}, nil},
		"pnpm 12":   {[]string{in("pnpm12", "pnpm"), "--filter", "a", "run", "see"}, nil},
		"yarn 1":    {[]string{"node", in("yarn1", "bin", "yarn.js"), "workspace", "a", "run", "see"}, nil},
		"Turborepo": {[]string{"node", in("turbo", "bin", "turbo"), "run", "see", "--no-cache"}, map[string]string{"turbo.json": `{"tasks": {"see": {}}}`}},
		"Nx":        {[]string{"node", in("nx", "dist", "bin", "nx.js"), "run", "a:see"}, map[string]string{"nx.json": `{}`}},
		"Lage":      {[]string{"node", in("lage", "dist", "lage.js"), "run", "see", "--no-cache"}, map[string]string{"lage.config.js": `module.exports = { pipeline: { see: [] } };`}},
	} {
		t.Run(name, func(t *testing.T) {
			root, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			testkit.Write(t, root, "package.json", `{"name": "root", "version": "1.0.0", "private": true, "workspaces": ["packages/*"], "packageManager": "npm@10.9.9"}`)
			if strings.HasPrefix(name, "pnpm") {
				testkit.Write(t, root, "package.json", `{"name": "root", "private": true}`)
				testkit.Write(t, root, "pnpm-workspace.yaml", "packages: ['packages/*']\n")
			}
			if name == "yarn 1" {
				testkit.Write(t, root, "package.json", `{"name": "root", "private": true, "workspaces": ["packages/*"]}`)
			}
			testkit.Write(t, root, "package-lock.json", `{"name": "root", "lockfileVersion": 3, "packages": {"": {"name": "root"}, "packages/a": {"name": "a", "version": "1.0.0"}}}`)
			testkit.Write(t, root, "packages/a/package.json", `{"name": "a", "version": "1.0.0", "scripts": {"see": "`+strings.ReplaceAll(see, `\`, `\\`)+`"}}`)
			for file, text := range tt.root {
				testkit.Write(t, root, file, text)
			}
			if tt.root != nil {
				if err := os.Symlink(modules, filepath.Join(root, "node_modules")); err != nil {
					t.Fatal(err)
				}
			}
			testkit.Write(t, root, ".gitignore", "node_modules\n")
			git := exec.Command("sh", "-c", "git init -q && git add packages && git -c user.name=a -c user.email=a@b.invalid commit -qm a")
			git.Dir = root
			if out, err := git.CombinedOutput(); err != nil {
				testkit.UnlessCI(t, string(out))
			}
			nxCache := t.TempDir()
			run := func(g *testGuard) map[string]string {
				t.Helper()
				c := exec.Command(tt.args[0], tt.args[1:]...)
				c.Dir, c.Env = root, os.Environ()
				for _, entry := range c.Env { // of an npm that runs these tests
					if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, environ.NPMLifecyclePrefix) || strings.HasPrefix(name, environ.NPMPackagePrefix) {
						c.Env = environ.Without(c.Env, name)
					}
				}
				c.Env = append(c.Env, "NX_DAEMON=false", "NX_NO_CLOUD=true", "NX_CACHE_DIRECTORY="+nxCache, "TURBO_TELEMETRY_DISABLED=1",
					"DO_NOT_TRACK=1", "LAGE_CACHE_PROVIDER=skip", "npm_config_update_notifier=false", "PNPM_DISABLE_SELF_UPDATE_CHECK=true", "pnpm_config_verify_deps_before_run=false")
				if g != nil {
					if c.Env, err = g.Environ(c.Env); err != nil {
						t.Fatal(err)
					}
				}
				if out, err := c.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				seen := map[string]string{}
				files, _ := filepath.Glob(filepath.Join(root, "packages/a/seen.*"))
				for _, file := range files {
					text, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					seen[filepath.Ext(file)] = changes.ReplaceAllString(string(text), "$1")
					_ = os.Remove(file)
				}
				if len(seen) != 4 {
					t.Fatalf("the script has written %d files", len(seen))
				}
				return seen
			}
			g := guardWith(t, admit)
			plain, guarded := run(nil), run(g)
			for part, text := range plain {
				t.Run(part[1:], func(t *testing.T) { sameLines(t, text, guarded[part]) })
			}
			if !slices.ContainsFunc(g.asked(), func(a admission.Ask) bool {
				return a.Event == "see" && a.Folder == filepath.Join(root, "packages", "a")
			}) {
				t.Errorf("the script did not ask, but %+v did", g.asked())
			}
		})
	}
}

// sameLines reports lines that only one of two texts has.
func sameLines(t *testing.T, shell, shim string) {
	t.Helper()
	a, b := strings.Split(shell, "\n"), strings.Split(shim, "\n")
	for _, line := range a {
		if !slices.Contains(b, line) {
			t.Errorf("only under a shell: %s", line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			t.Errorf("only under the shim: %s", line)
		}
	}
}
