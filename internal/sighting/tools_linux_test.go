package sighting

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// withTools is a project in which the runners and tools of testdata/runners are installed. They
// are kept in the user's cache.
func withTools(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("installs and starts real runners; left out with -short")
	}
	root := project(t)
	lock, err := os.ReadFile("testdata/runners/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	kept := filepath.Join(cache, "heapmage-test", fmt.Sprintf("runners-%x", sha256.Sum256(lock))[:24])
	if _, err := os.Stat(filepath.Join(kept, "node_modules", ".package-lock.json")); err != nil {
		if err := os.RemoveAll(kept); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(kept, os.DirFS("testdata/runners")); err != nil {
			t.Fatal(err)
		}
		c := exec.Command("npm", "ci", "--ignore-scripts")
		c.Dir = kept
		if out, err := c.CombinedOutput(); err != nil {
			testkit.UnlessCI(t, fmt.Sprintf("the runners cannot be installed: %v\n%s", err, out))
		}
	}
	if err := os.Symlink(filepath.Join(kept, "node_modules"), filepath.Join(root, "node_modules")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(root, "node_modules", ".bin")+":"+os.Getenv("PATH"))
	for name, value := range map[string]string{"NX_DAEMON": "false", "NX_NO_CLOUD": "true", "NX_CACHE_DIRECTORY": t.TempDir(),
		"YARN_ENABLE_TELEMETRY": "false", "YARN_ENABLE_GLOBAL_CACHE": "false", "YARN_ENABLE_IMMUTABLE_INSTALLS": "false"} {
		t.Setenv(name, value)
	}
	return root
}

var builds = []string{
	"packages/api: node ../../work.cjs api (api#build)",
	"packages/core: node ../../work.cjs core (core#build)",
	"packages/web: node ../../work.cjs web (web#build)",
}

func TestConcurrently(t *testing.T) {
	root := withTools(t)
	check(t, root, []string{".: node work.cjs a", ".: node work.cjs b"}, "npx", "concurrently", "node work.cjs a", "node work.cjs b")
}

func TestNPMRunAll(t *testing.T) {
	root := withTools(t)
	testkit.Write(t, root, "package.json", `{"name": "root", "private": true, "workspaces": ["packages/*"],
		"scripts": {"all": "run-p build:*", "build:a": "node work.cjs a", "build:b": "node work.cjs b"}}`)
	check(t, root, []string{".: node work.cjs a (root#build:a)", ".: node work.cjs b (root#build:b)"}, "npm", "run", "all")
}

func TestWireit(t *testing.T) {
	root := withTools(t)
	testkit.Write(t, root, "package.json", `{"name": "root", "private": true, "workspaces": ["packages/*"],
		"scripts": {"all": "wireit", "a": "wireit", "b": "wireit"},
		"wireit": {"all": {"command": "node work.cjs all", "dependencies": ["a", "b", "./packages/core:build"]},
			"a": {"command": "node work.cjs a"}, "b": {"command": "FLAG=1 node work.cjs b && node work.cjs c"}}}`)
	testkit.Write(t, root, "packages/core/package.json", `{"name": "core", "version": "1.0.0", "scripts": {"build": "wireit"}, "wireit": {"build": {"command": "node ../../work.cjs core"}}}`)
	check(t, root, []string{".: node work.cjs a (root#a)", ".: node work.cjs all (root#all)", ".: node work.cjs b; node work.cjs c (root#b)", builds[1]}, "npm", "run", "all")
}

func TestYarn(t *testing.T) {
	for linker, settings := range map[string]string{"node-modules": "", "pnp": ""} {
		t.Run(linker, func(t *testing.T) {
			root := withTools(t)
			yarn, err := filepath.EvalSymlinks(filepath.Join(root, "node_modules", "@yarnpkg", "cli-dist", "bin", "yarn.js"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(root, "node_modules")); err != nil {
				t.Fatal(err)
			}
			testkit.Write(t, root, ".yarnrc.yml", "nodeLinker: "+linker+"\n"+settings)
			install := exec.Command("node", yarn, "install")
			install.Dir = root
			if out, err := install.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			check(t, root, builds, "node", yarn, "workspaces", "foreach", "-Apt", "run", "build")
		})
	}
}

func TestPNPMShellEmulator(t *testing.T) {
	root := withTools(t)
	testkit.WriteAll(t, root, map[string]string{
		"package.json":               `{"name": "root", "private": true}`,
		"pnpm-workspace.yaml":        "packages: [packages/*]\nshellEmulator: true\n",
		"packages/core/package.json": `{"name": "core", "version": "1.0.0", "scripts": {"build": "node ../../work.cjs core && node ../../work.cjs late"}}`,
	})
	want := []string{
		builds[0],
		"packages/core: node ../../work.cjs core (core#build) in part",
		"packages/core: node ../../work.cjs late (core#build) in part",
		builds[2],
	}
	check(t, root, want, "pnpm", "-r", "run", "build")
}

func TestNx(t *testing.T) {
	root := withTools(t)
	testkit.WriteAll(t, root, map[string]string{
		"nx.json":                    `{"analytics": false}`,
		"packages/core/project.json": `{"name": "core", "targets": {"cmd": {"executor": "nx:run-commands", "options": {"command": "node work.cjs core"}}}}`,
		"packages/api/project.json":  `{"name": "api", "targets": {"cmd": {"executor": "nx:run-commands", "options": {"commands": ["node ../../work.cjs one", "node ../../work.cjs two"], "cwd": "packages/api"}}}}`,
		"packages/web/package.json":  `{"name": "web", "version": "1.0.0", "scripts": {"cmd": "node ../../work.cjs web"}}`,
	})
	check(t, root, []string{".: node work.cjs core", "packages/api: node ../../work.cjs one", "packages/api: node ../../work.cjs two", "packages/web: node ../../work.cjs web (web#cmd)"},
		"nx", "run-many", "-t", "cmd", "--skip-nx-cache", "--outputStyle=static")
}

func TestJust(t *testing.T) {
	root := withTools(t)
	just := filepath.Join(root, "node_modules", "rust-just-linux-x64", "bin", "just")
	if _, err := os.Stat(just); err != nil {
		t.Skip("just is installed on x64 only")
	}
	testkit.Write(t, root, "justfile", "[parallel]\nall: a b\na:\n  node work.cjs a\nb:\n  cd packages/web && node ../../work.cjs web\n")
	check(t, root, []string{".: node work.cjs a", builds[2]}, just, "all")
}
