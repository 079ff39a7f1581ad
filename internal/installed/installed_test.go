package installed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/workspace"
)

// samples are what real package managers wrote for one workspace: the root needs is-odd 3;
// a needs chalk 2 and ms, and is-even for itself; b needs a, ansi-styles 4, react and more.
func samples(t testing.TB) map[string]*txtar.Archive {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	found := map[string]*txtar.Archive{}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(file), ".txtar")] = a
	}
	return found
}

// lay writes the files of a sample into a new folder, each after a change, and loads it.
func lay(t testing.TB, a *txtar.Archive, change func(name, text string) string) *Installed {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		text := string(f.Data)
		if change != nil {
			text = change(f.Name, text)
		}
		write(t, filepath.Join(root, filepath.FromSlash(f.Name)), text)
	}
	return load(t, root)
}

func write(t testing.TB, at, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func load(t testing.TB, root string) *Installed {
	t.Helper()
	ws, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return New(ws, fingerprint.Open(root, ".heapmage/cache", "digests"), ".heapmage/cache", "installed")
}

var dirs = []string{".", "packages/a", "packages/b"}

func isLock(name string) bool {
	switch name {
	case "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock":
		return true
	}
	return false
}

func TestSamples(t *testing.T) {
	for name, a := range samples(t) {
		t.Run(name, func(t *testing.T) {
			i, clone := lay(t, a, nil), lay(t, a, nil)
			seen := map[fingerprint.Digest]bool{}
			for _, dir := range dirs {
				s := i.Of(dir)
				if s.Stale != "" || s.Whole != "" || s.Digest == (fingerprint.Digest{}) {
					t.Errorf("%s: %+v", dir, s)
				}
				if s != clone.Of(dir) {
					t.Errorf("%s is another in a clone", dir)
				}
				seen[s.Digest] = true
			}
			if len(seen) != len(dirs) {
				t.Error("packages that need different things have one digest")
			}
		})
	}
}

// sum finds the checksum of a package in a lock file.
func sum(t *testing.T, a *txtar.Archive, name, version string) string {
	t.Helper()
	q := regexp.QuoteMeta
	for _, f := range a.Files {
		if !isLock(f.Name) {
			continue
		}
		for _, pattern := range []string{
			`(?s)node_modules/` + q(name) + `": \{\s+"version": "` + q(version) + `",\s+"integrity": "([^"]+)"`,
			`(?s)\n  /?` + q(name) + `[@/]` + q(version) + `:\n    resolution: \{integrity: ([^}]+)\}`,
			`(?s)\n"?` + q(name) + `@[^\n]+\n  version "?` + q(version) + `"?\n.*?integrity (\S+)`,
			`(?s)resolution: "` + q(name) + `@npm:` + q(version) + `"\n.*?checksum: (\S+)`,
			`"` + q(name) + `@` + q(version) + `", .*"([^"]+)"\]`,
		} {
			if found := regexp.MustCompile(pattern).FindStringSubmatch(string(f.Data)); found != nil {
				return found[1]
			}
		}
	}
	t.Fatalf("no checksum of %s %s", name, version)
	return ""
}

// TestOneChange: a package with another content changes exactly the closures that hold it.
func TestOneChange(t *testing.T) {
	for name, a := range samples(t) {
		before := lay(t, a, nil)
		for _, dir := range dirs {
			before.Of(dir)
		}
		for _, tt := range []struct {
			name, version string
			changed       string
		}{
			{"chalk", "2.4.2", "packages/a packages/b"},
			{"has-flag", "3.0.0", "packages/a packages/b"},
			{"color-name", "1.1.3", "packages/a packages/b"},
			{"color-name", "1.1.4", "packages/b"},
			{"js-tokens", "4.0.0", "packages/b"},
			{"is-buffer", "1.1.6", "packages/a"}, // a devDependency of a is nothing to b
			{"is-number", "6.0.0", "."},
		} {
			if tt.name == "has-flag" && strings.HasPrefix(name, "pnpm") {
				continue // debug takes supports-color as its peer: it is the same set
			}
			t.Run(fmt.Sprintf("%s/%s@%s", name, tt.name, tt.version), func(t *testing.T) {
				old := sum(t, a, tt.name, tt.version)
				rewrite := func(change func(text string) string) {
					for _, f := range a.Files {
						if text := string(f.Data); strings.Contains(text, old) {
							write(t, filepath.Join(before.ws.Root, filepath.FromSlash(f.Name)), change(text))
						}
					}
				}
				rewrite(func(text string) string { return strings.ReplaceAll(text, old, "sha512-other") })
				defer rewrite(func(text string) string { return text })
				after := load(t, before.ws.Root)
				var changed []string
				for _, dir := range dirs {
					s := after.Of(dir)
					if s.Stale != "" {
						t.Error(dir, s.Stale)
					}
					if s != before.Of(dir) {
						changed = append(changed, dir)
					}
				}
				if got := strings.Join(changed, " "); got != tt.changed {
					t.Errorf("changed are %q, not %q", got, tt.changed)
				}
			})
		}
	}
}

// TestStale: the lock file was updated, and nothing installed since.
func TestStale(t *testing.T) {
	for name, a := range samples(t) {
		t.Run(name, func(t *testing.T) {
			i := lay(t, a, func(name, text string) string {
				if isLock(name) {
					text = strings.ReplaceAll(text, "2.4.2", "2.4.3")
				}
				return text
			})
			for dir, stale := range map[string]bool{".": false, "packages/a": true, "packages/b": true} {
				s := i.Of(dir)
				if (s.Stale != "") != stale {
					t.Errorf("%s: %+v", dir, s)
				}
				if stale && !strings.Contains(s.Stale, "chalk") {
					t.Errorf("%q does not name the package", s.Stale)
				}
			}
		})
		t.Run(name+"/nothing is installed", func(t *testing.T) {
			kept := &txtar.Archive{}
			for _, f := range a.Files {
				if !strings.Contains(f.Name, "node_modules") && f.Name != pnpFile {
					kept.Files = append(kept.Files, f)
				}
			}
			if s := lay(t, kept, nil).Of("packages/a"); s.Stale == "" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestDamage: what cannot be read is told, and never taken for a closure.
func TestDamage(t *testing.T) {
	for name, a := range samples(t) {
		root := lay(t, a, nil).ws.Root
		for _, f := range a.Files {
			if strings.HasSuffix(f.Name, "package.json") || strings.HasPrefix(f.Name, "pnpm-w") || f.Name == ".yarnrc.yml" {
				continue
			}
			t.Run(name+"/"+f.Name, func(t *testing.T) {
				at := filepath.Join(root, filepath.FromSlash(f.Name))
				write(t, at, "{{ nothing: [known")
				defer write(t, at, string(f.Data))
				i := load(t, root)
				for _, dir := range dirs {
					if s := i.Of(dir); s.Stale == "" && s.Whole == "" {
						t.Errorf("%s: %+v", dir, s)
					}
				}
			})
		}
	}
}

// TestKept: a later run gives the same answers without reading, and reads what changed.
func TestKept(t *testing.T) {
	i := lay(t, samples(t)["pnpm10"], nil)
	want := i.Of("packages/a")
	if err := i.Save(); err != nil {
		t.Fatal(err)
	}
	later := load(t, i.ws.Root)
	if _, ok := later.notes.Of(later.key()); !ok {
		t.Error("it was not kept")
	}
	if got := later.Of("packages/a"); got != want {
		t.Error(got)
	}
	for _, name := range []string{"pnpm-lock.yaml", pnpmInstalled, "packages/b/package.json"} {
		path := i.path(name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(text)+" \n")
		changed := load(t, i.ws.Root)
		if _, ok := changed.notes.Of(changed.key()); ok {
			t.Errorf("a change of %s is not seen", name)
		}
		write(t, path, string(text))
	}
}

func TestAt(t *testing.T) {
	i := lay(t, samples(t)["npm"], nil)
	at := func(name string) string { return filepath.Join(i.ws.Root, filepath.FromSlash(name)) }
	s, _, ok := i.At(at("node_modules/js-tokens/index.js"))
	if !ok || s.Stale != "" || s.Digest == (fingerprint.Digest{}) {
		t.Error(s, ok)
	}
	for _, name := range []string{"packages/a/index.js", "node_modules/.cache/x", "node_modules/.bin/tsc"} {
		if s, _, ok := i.At(at(name)); ok {
			t.Error(name, s)
		}
	}
	if s, _, ok := i.At(at("node_modules/unknown/index.js")); !ok || s.Stale == "" {
		t.Error(s, ok)
	}
}

func TestPatchPackage(t *testing.T) {
	a := samples(t)["npm"]
	with := func(file string) *Installed {
		c := &txtar.Archive{Files: append([]txtar.File{{Name: file, Data: []byte("+ patched\n")}}, a.Files...)}
		return lay(t, c, func(name, text string) string {
			if name == "package.json" {
				text = strings.Replace(text, `"is-odd"`, `"patch-package": "8", "is-odd"`, 1)
			}
			return text
		})
	}
	before := with("patches/README.md")
	for file, changed := range map[string]string{
		"patches/js-tokens+4.0.0.patch":                         "packages/b",
		"patches/loose-envify++js-tokens+4.0.0+001+x.dev.patch": "packages/b",
		"patches/is-even+1.0.0.patch":                           "packages/a",
	} {
		after := with(file)
		var got []string
		for _, dir := range dirs {
			if after.Of(dir).Digest != before.Of(dir).Digest {
				got = append(got, dir)
			}
		}
		if strings.Join(got, " ") != changed {
			t.Errorf("%s changes %q", file, got)
		}
	}
}

// TestPatched: the patches of package managers are a part of what they patch.
func TestPatched(t *testing.T) {
	for name, hash := range map[string]string{
		"pnpm10-patched": "c07b55233bb516ad75385428cdf5c3f050ca6506ae64f56cb7f45220f5304cfd", "yarn4-patched": "hash=55f11c",
	} {
		a := samples(t)[name]
		before := lay(t, a, nil)
		after := lay(t, a, func(_, text string) string {
			return strings.ReplaceAll(text, hash, strings.Replace(hash, "55", "66", 1)+"0")
		})
		for dir, changed := range map[string]bool{".": false, "packages/a": true, "packages/b": true} {
			if s := after.Of(dir); s.Stale != "" || (s.Digest != before.Of(dir).Digest) != changed {
				t.Errorf("%s, %s: from %+v to %+v", name, dir, before.Of(dir), s)
			}
		}
	}
	a := samples(t)["bun-hoisted"]
	with := func(patch string) *Installed {
		c := &txtar.Archive{Files: append([]txtar.File{{Name: "patches/ms.patch", Data: []byte(patch)}}, a.Files...)}
		return lay(t, c, func(name, text string) string {
			if name == bunFile {
				text = strings.Replace(text, `"packages": {`, `"patchedDependencies": {"ms@2.1.2": "patches/ms.patch"}, "packages": {`, 1)
			}
			return text
		})
	}
	one, two := with("one"), with("two")
	for dir, changed := range map[string]bool{".": false, "packages/a": true, "packages/b": true} {
		if (one.Of(dir) != two.Of(dir)) != changed {
			t.Errorf("bun, %s: from %+v to %+v", dir, one.Of(dir), two.Of(dir))
		}
	}
}

// TestBunLacks: bun.lock has optional peers of which nothing is installed.
func TestBunLacks(t *testing.T) {
	for _, name := range []string{"bun-hoisted", "bun-isolated"} {
		a := samples(t)[name]
		with := func(field, more string) State {
			return lay(t, a, func(name, text string) string {
				if name == bunFile {
					text = strings.Replace(text, `{ "dependencies": { "loose-envify"`, `{ `+field+` "dependencies": { `+more+`"loose-envify"`, 1)
					text = strings.Replace(text, `"packages": {`, `"packages": {"vue": ["vue@3.5.13", "", {}, "sha512-x"],`, 1)
				}
				return text
			}).Of("packages/b")
		}
		for _, lacking := range []string{
			`"peerDependencies": { "vue": "^3" }, "optionalPeers": ["vue"],`, `"optionalDependencies": { "vue": "3" },`,
		} {
			if s := with(lacking, ""); s.Stale != "" {
				t.Errorf("%s, %s: %s", name, lacking, s.Stale)
			}
		}
		for _, needed := range [][2]string{{`"peerDependencies": { "vue": "^3" },`, ""}, {`"optionalPeers": ["vue"],`, `"vue": "3", `}, {"", `"vue": "3", `}} {
			if s := with(needed[0], needed[1]); !strings.Contains(s.Stale, "vue@3.5.13 is not installed") {
				t.Errorf("%s, %s%s: %+v", name, needed[0], needed[1], s)
			}
		}
	}
}

// TestPeerBesideDev: a package develops with one version of what others shall bring along.
func TestPeerBesideDev(t *testing.T) {
	for name, a := range samples(t) {
		i := lay(t, a, func(name, text string) string {
			if name == "packages/a/package.json" {
				text = strings.Replace(text, `"devDependencies":`, `"peerDependencies":{"is-even":">= 0.1 < 6"},"devDependencies":`, 1)
			}
			return text
		})
		for _, dir := range []string{"packages/a", "packages/b"} {
			if s := i.Of(dir); s.Stale != "" && !strings.HasPrefix(name, "pnpm") { // pnpm's lock file has peers
				t.Errorf("%s, %s: %s", name, dir, s.Stale)
			}
		}
	}
}

// TestYarnResolutions: a range that yarn.lock does not have was led elsewhere, and not to a
// version that only packages for other systems need.
func TestYarnResolutions(t *testing.T) {
	const key = "\"is-odd@npm:^0.1.2\":\n"
	with := func(installed string) State {
		return lay(t, samples(t)["yarn4-node-modules"], func(name, text string) string {
			switch name {
			case "yarn.lock":
				text = strings.Replace(text, `is-odd: "npm:^0.1.2"`, `is-odd: "npm:~7.0.0"`, 1)
				text = strings.Replace(text, key, "\"is-odd@npm:^9.0.0\":\n  version: 9.0.0\n  resolution: \"is-odd@npm:9.0.0\"\n  linkType: hard\n\n"+key, 1)
			case berryState:
				text = strings.ReplaceAll(text, `"is-odd@npm:`, installed)
			}
			return text
		}).Of("packages/a")
	}
	if s := with(`"is-odd@npm:`); s.Stale != "" {
		t.Error(s.Stale)
	}
	if s := with(`"another@npm:`); !strings.Contains(s.Stale, "is-odd") {
		t.Errorf("%+v", s)
	}
}
