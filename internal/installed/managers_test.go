package installed

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestManagers installs with real package managers, which it takes from npm.
func TestManagers(t *testing.T) {
	if os.Getenv("RIG") == "" {
		t.Skip("installs from a registry for some minutes; RIG=1 runs it")
	}
	for _, tt := range []struct {
		name, sample     string // a sample with the same workspace
		install, onlyDev string
	}{
		{"npm", "npm", "npm install", "npm install --omit=dev"},
		{"pnpm 8", "pnpm8", "npx --yes pnpm@8 install --no-frozen-lockfile", "npx --yes pnpm@8 install --prod"},
		{"pnpm 10", "pnpm10", "npx --yes pnpm@10 install --no-frozen-lockfile", "npx --yes pnpm@10 install --prod"},
		{"pnpm 12", "pnpm12", "npx --yes pnpm@12 install --no-frozen-lockfile", "npx --yes pnpm@12 install --prod"},
		{"yarn 1", "yarn1", "npx --yes yarn@1 install", ""}, // --production would change yarn.lock,
		{"yarn 4", "yarn4-node-modules", "npx --yes --package=@yarnpkg/cli-dist@4 yarn install", ""},
		{"yarn 4 with Plug'n'Play", "yarn4-pnp", "npx --yes --package=@yarnpkg/cli-dist@4 yarn install", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sources := &txtar.Archive{}
			for _, f := range samples(t)[tt.sample].Files {
				if strings.HasPrefix(f.Name, "package") && strings.HasSuffix(f.Name, "package.json") || strings.HasPrefix(f.Name, "pnpm-w") || f.Name == ".yarnrc.yml" {
					sources.Files = append(sources.Files, f)
				} else if f.Name == "yarn.lock" {
					sources.Files = append(sources.Files, txtar.File{Name: f.Name}) // it marks the root
				}
			}
			i := lay(t, sources, func(_, text string) string {
				return regexp.MustCompile(`, "packageManager": "[^"]*"`).ReplaceAllString(text, "") // or it installs itself, too
			})
			root := i.ws.Root
			run := func(line string) {
				t.Helper()
				words := strings.Fields(line)
				c := exec.CommandContext(t.Context(), words[0], words[1:]...)
				c.Dir = root
				c.Env = append(os.Environ(), "CI=", "YARN_ENABLE_IMMUTABLE_INSTALLS=false")
				if out, err := c.CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", line, err, out)
				}
			}
			states := func() (all []State) {
				i := load(t, root)
				for _, dir := range dirs {
					all = append(all, i.Of(dir))
				}
				return all
			}
			run(tt.install)
			before := states()
			for k, s := range before {
				if s.Stale != "" || s.Whole != "" {
					t.Errorf("%s: %+v", dirs[k], s)
				}
			}
			if tt.onlyDev != "" {
				if err := os.RemoveAll(filepath.Join(root, "node_modules")); err != nil {
					t.Fatal(err)
				}
				run(tt.onlyDev)
				without := states()
				if without[0].Stale != "" || without[1].Stale != "" || without[2] != before[2] {
					t.Errorf("without devDependencies, it changed from %+v to %+v", before, without)
				}
				for _, dir := range dirs {
					if err := os.RemoveAll(filepath.Join(root, dir, "node_modules")); err != nil {
						t.Fatal(err)
					}
				}
			}
			path := filepath.Join(root, "packages/a/package.json")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lock := filepath.Join(root, i.ws.LockFile)
			if i.ws.LockFile == "" {
				lock = filepath.Join(root, load(t, root).ws.LockFile)
			}
			old, err := os.ReadFile(lock)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, regexp.MustCompile(`"devDependencies": *\{`).ReplaceAllString(string(text), `"devDependencies":{"is-number":"7.0.0",`))
			run(tt.install)
			after := states()
			for k, changed := range []bool{false, true, false} {
				if (before[k].Digest != after[k].Digest) != changed || after[k].Stale != "" {
					t.Errorf("%s: changed from %+v to %+v", dirs[k], before[k], after[k])
				}
			}
			write(t, lock, string(old))
			if s := states(); s[1].Stale == "" || s[2].Stale != "" {
				t.Errorf("after the lock file alone went back: %+v", s)
			}
		})
	}
}
