package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// installVersions are the versions of Node with which packages are installed: of those that are
// supported the oldest and the newest, or all if RIG is set.
func installVersions() []string {
	if os.Getenv("RIG") != "" {
		return []string{"20", "22", "24", "26"}
	}
	return []string{"20", "26"}
}

// user is somebody without Go, whose package managers ask a registry on this machine.
type user struct{ home, registry, path string }

// newUser makes a user of a Node, with the package managers in the folder of tools.
func newUser(t *testing.T, registry, tools, major string) user {
	t.Helper()
	u := user{home: t.TempDir(), registry: registry}
	bin := filepath.Join(u.home, "bin")
	for name, script := range map[string]string{
		"npm": "npm11/bin/npm-cli.js", "npx": "npm11/bin/npx-cli.js", "pnpm": "pnpm10/bin/pnpm.cjs", "yarn": "yarn4/bin/yarn.js",
	} {
		testkit.Write(t, bin, name, fmt.Sprintf("#!/bin/sh\nexec node '%s' \"$@\"\n", filepath.Join(tools, "node_modules", script)))
	}
	testkit.Write(t, bin, "go", "#!/bin/sh\necho go was started: \"$@\" >>'"+filepath.Join(u.home, "go")+"'\nexit 1\n")
	for _, name := range []string{"npm", "npx", "pnpm", "yarn", "go"} {
		if err := os.Chmod(filepath.Join(bin, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Write(t, u.home, ".npmrc", strings.TrimPrefix(registry, "http:")+":_authToken=anyone\n")
	u.path = strings.Join([]string{bin, testkit.Node(t, major), "/usr/bin", "/bin"}, ":")
	t.Cleanup(func() {
		if calls, err := os.ReadFile(filepath.Join(u.home, "go")); err == nil {
			t.Errorf("Go is not needed, and:\n%s", calls)
		}
	})
	return u
}

// run runs a command line and returns what it prints and how it ends.
func (u user) run(t *testing.T, dir, line string) (out string, code int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "/bin/sh", "-c", line)
	c.Dir = dir
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); !strings.HasPrefix(strings.ToLower(name), "npm_") && name != "NODE_OPTIONS" {
			c.Env = append(c.Env, entry)
		}
	}
	c.Env = append(c.Env, "HOME="+u.home, "PATH="+u.path, "XDG_CACHE_HOME=", "XDG_DATA_HOME=", "XDG_CONFIG_HOME=",
		"npm_config_registry="+u.registry, "npm_config_update_notifier=false", "npm_config_fund=false", "npm_config_audit=false",
		"YARN_NPM_REGISTRY_SERVER="+strings.TrimSuffix(u.registry, "/"), "YARN_UNSAFE_HTTP_WHITELIST=127.0.0.1",
		"YARN_ENABLE_IMMUTABLE_INSTALLS=false", "YARN_ENABLE_TELEMETRY=false")
	text, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	code, _ = exitCode(c)
	return string(text), code
}

// want runs a command line, and checks its exit code and that it prints a text.
func (u user) want(t *testing.T, dir, line string, code int, text string) {
	t.Helper()
	if out, got := u.run(t, dir, line); got != code || !strings.Contains(out, text) {
		t.Fatalf("%s: exit code %d, want %d and %q\n%s", line, got, code, text, out)
	}
}

// monorepo makes a workspace of two packages, whose builds need each other and nothing else.
func monorepo(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	testkit.Write(t, dir, "package.json", `{"name": "acme", "private": true, "workspaces": ["packages/*"]}`)
	testkit.Write(t, dir, "packages/core/package.json", `{"name": "core", "version": "1.0.0", "scripts": {"build": "node build.js"}}`)
	testkit.Write(t, dir, "packages/core/build.js", "require('fs').writeFileSync('out.txt', 'core')\n")
	testkit.Write(t, dir, "packages/web/package.json", `{"name": "web", "version": "1.0.0", "dependencies": {"core": "1.0.0"}, "scripts": {"build": "node build.js"}}`)
	testkit.Write(t, dir, "packages/web/build.js", "require('fs').copyFileSync('../core/out.txt', 'out.txt')\n")
	for name, text := range files {
		testkit.Write(t, dir, name, text)
	}
	return dir
}

// wantBuilt checks that a package was built, and removes what it built.
func wantBuilt(t *testing.T, dir, name string) {
	t.Helper()
	file := filepath.Join(dir, "packages", name, "out.txt")
	if text, err := os.ReadFile(file); err != nil || string(text) != "core" {
		t.Errorf("%s is not built: %q, %v", name, text, err)
	}
	_ = os.Remove(file) // if it is there
}

// serve starts an empty registry that ends with the test, and returns its address.
func serve(t *testing.T, tools string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), filepath.Join(testkit.Node(t, "24"), "node"), "registry.mjs", t.TempDir())
	c.Dir = tools
	end, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var problems bytes.Buffer
	c.Stderr = &problems
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end.Close()
		_ = c.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "http:") {
			return lines.Text()
		}
	}
	end.Close()
	_ = c.Wait()
	t.Fatalf("the registry did not start\n%s", problems.String())
	return ""
}

// TestInstall publishes the packages in a registry, and uses them as people without Go do.
func TestInstall(t *testing.T) {
	r := released(t)
	if err := r.check(context.Background()); err != nil {
		t.Fatal(err)
	}
	tools := filepath.Dir(testkit.Script(t, "registrytest", "registry.mjs"))
	registry := serve(t, tools)
	publisher := newUser(t, registry, tools, "24")
	publisher.want(t, r.to, "for f in npm/platforms/*.tgz npm/*.tgz; do npm publish ./$f || exit; done", 0, "+ heapmage@1.2.3")
	for _, major := range installVersions() {
		t.Run("node "+major, func(t *testing.T) {
			u := newUser(t, registry, tools, major)
			t.Run("npx", func(t *testing.T) {
				dir := monorepo(t, nil)
				u.want(t, dir, "npx --yes heapmage build:managed -workspace=core", 0, "")
				wantBuilt(t, dir, "core")
				u.want(t, dir, "npx --yes heapmage -l", 0, "build:managed")
				u.want(t, dir, "npx --yes heapmage build --workspace=nothing", 2, "no package has this name or folder")
			})
			t.Run("npm", func(t *testing.T) {
				dir := monorepo(t, nil)
				u.want(t, dir, "npm install --save-dev heapmage", 0, "added")
				u.want(t, dir, "npx --no heapmage build:managed", 0, "")
				wantBuilt(t, dir, "core")
				wantBuilt(t, dir, "web")
				u.want(t, dir, "npm pkg set scripts.build:all='heapmage build' && npm run build:all", 0, "")
				wantBuilt(t, dir, "web")
				u.want(t, dir, "npx --no heapmage guard -- npm run build --workspaces", 0, "> core@1.0.0 build")
				wantBuilt(t, dir, "core")
				wantBuilt(t, dir, "web")
				u.want(t, dir, "rm -rf node_modules && npm install --omit=optional && npx --no heapmage -l", 2, "--include=optional")
			})
			t.Run("a global installation", func(t *testing.T) {
				prefix := filepath.Join(t.TempDir(), "a folder")
				u.want(t, u.home, "npm install --global --prefix '"+prefix+"' heapmage", 0, "added")
				dir := monorepo(t, nil)
				u.want(t, dir, "'"+prefix+"/bin/heapmage' build:managed", 0, "")
				wantBuilt(t, dir, "web")
			})
			t.Run("pnpm", func(t *testing.T) {
				dir := monorepo(t, map[string]string{"pnpm-workspace.yaml": "packages: ['packages/*']\nlinkWorkspacePackages: true\n"})
				u.want(t, dir, "pnpm dlx heapmage --version", 0, "heapmage 1.2.3")
				u.want(t, dir, "pnpm add --save-dev --workspace-root heapmage", 0, "+ heapmage")
				u.want(t, dir, "pnpm exec heapmage build:managed", 0, "")
				wantBuilt(t, dir, "web")
				u.want(t, dir, "pnpm heapmage -l", 0, "build:managed")
			})
			for _, linker := range []string{"node-modules", "pnp"} {
				t.Run("yarn with "+linker, func(t *testing.T) {
					dir := monorepo(t, map[string]string{"yarn.lock": "", ".yarnrc.yml": "nodeLinker: " + linker + "\n"})
					u.want(t, dir, "yarn add --dev heapmage", 0, "")
					u.want(t, dir, "yarn heapmage build:managed", 0, "")
					wantBuilt(t, dir, "web")
					u.want(t, dir, "yarn dlx heapmage --version", 0, "heapmage 1.2.3")
				})
			}
		})
	}
}
