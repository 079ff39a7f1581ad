package managerprogram

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/problem"
)

// put writes a file that can be run.
func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// machine is a folder with what is installed: "on PATH" in bin, a package of that program
// in lib, Corepack's in corepack.
type machine struct {
	t   *testing.T
	dir string
}

// installed puts a program on PATH as npm does: a link to a file of its package.
func (m machine) installed(bin, pack, name, version string) {
	m.t.Helper()
	file := put(m.t, filepath.Join(m.dir, "lib", pack+version, "bin", name+".js"), "")
	put(m.t, filepath.Join(m.dir, "lib", pack+version, "package.json"), `{"name": "`+pack+`", "version": "`+version+`"}`)
	if err := os.MkdirAll(filepath.Join(m.dir, bin), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Symlink(file, filepath.Join(m.dir, bin, name)); err != nil {
		m.t.Fatal(err)
	}
}

// corepack lets Corepack keep a version.
func (m machine) corepack(name, version, bin string) {
	m.t.Helper()
	dir := filepath.Join(m.dir, "corepack", "v1", name, version)
	put(m.t, filepath.Join(dir, ".corepack"), `{"bin": `+bin+`}`)
	put(m.t, filepath.Join(dir, "bin", name+".cjs"), "")
	put(m.t, filepath.Join(dir, name+".js"), "")
}

func (m machine) find(w Wanted) (Program, error) {
	w.Node = filepath.Join(m.dir, "prefix", "bin", "node")
	w.Environ = []string{"PATH=" + filepath.Join(m.dir, "bin") + string(filepath.ListSeparator) + filepath.Join(m.dir, "bin2"), "COREPACK_HOME=" + filepath.Join(m.dir, "corepack")}
	return Find(w)
}

func TestFind(t *testing.T) {
	pnpm := func(version string) Wanted {
		return Wanted{Name: pkgmanager.PNPM, Version: version, From: "package.json", Declared: version != ""}
	}
	yarn := Wanted{Name: pkgmanager.Yarn, Version: "4.1.0", From: "package.json", Declared: true}
	for _, tt := range []struct {
		claim  string
		there  func(m machine)
		wanted Wanted
		want   string // its command line in DIR, or the start of the error's hint
		onPath bool
		vers   string
	}{
		{"is the one on PATH", func(m machine) { m.installed("bin", "pnpm", "pnpm", "9.1.0") }, pnpm("9.0.0"), "bin/pnpm", true, "9.1.0"},
		{"is the one on PATH if nothing is declared", func(m machine) { m.installed("bin", "pnpm", "pnpm", "8.1.0") }, pnpm(""), "bin/pnpm", true, "8.1.0"},
		{"is the second on PATH if that has the declared major version", func(m machine) {
			m.installed("bin", "pnpm", "pnpm", "8.1.0")
			m.installed("bin2", "pnpm", "pnpm", "9.2.0")
		}, pnpm("9.1.0"), "bin2/pnpm", false, "9.2.0"},
		{"is Corepack's if that has it", func(m machine) {
			m.installed("bin", "pnpm", "pnpm", "8.1.0")
			m.corepack("pnpm", "9.1.0", `{"pnpm": "./bin/pnpm.cjs"}`)
			m.corepack("pnpm", "9.9.0", `{"pnpm": "./bin/pnpm.cjs"}`)
		}, pnpm("9.1.0"), "prefix/bin/node corepack/v1/pnpm/9.1.0/bin/pnpm.cjs", false, "9.1.0"},
		{"is the newest of Corepack's of that major version", func(m machine) {
			m.corepack("pnpm", "9.2.0", `{"pnpm": "./bin/pnpm.cjs"}`)
			m.corepack("pnpm", "9.10.0", `{"pnpm": "./bin/pnpm.cjs"}`)
			m.corepack("pnpm", "10.0.0", `{"pnpm": "./bin/pnpm.cjs"}`)
		}, pnpm("9.1.0"), "prefix/bin/node corepack/v1/pnpm/9.10.0/bin/pnpm.cjs", false, "9.10.0"},
		{"is one that npm installed globally", func(m machine) {
			m.installed("bin", "pnpm", "pnpm", "8.1.0")
			put(t, filepath.Join(m.dir, "prefix/lib/node_modules/pnpm/package.json"), `{"name": "pnpm", "version": "9.5.0", "bin": {"pnpm": "p.cjs"}}`)
			put(t, filepath.Join(m.dir, "prefix/lib/node_modules/pnpm/p.cjs"), "")
		}, pnpm("9.1.0"), "prefix/bin/node prefix/lib/node_modules/pnpm/p.cjs", false, "9.5.0"},
		{"is pnpm 10 on PATH, which runs the declared version itself", func(m machine) { m.installed("bin", "pnpm", "pnpm", "10.1.0") }, pnpm("9.1.0"), "bin/pnpm", true, "10.1.0"},
		{"is npm on PATH, which passes over what is declared", func(m machine) { m.installed("bin", "npm", "npm", "11.0.0") },
			Wanted{Name: pkgmanager.NPM, Version: "10.1.0", Declared: true}, "bin/npm", true, "11.0.0"},
		{"is not pnpm 8 on PATH", func(m machine) { m.installed("bin", "pnpm", "pnpm", "8.1.0") }, pnpm("9.1.0"), "run: npm install -g pnpm@9.1.0", false, ""},
		{"is not yarn 1 on PATH", func(m machine) { m.installed("bin", "yarn", "yarn", "1.22.22") }, yarn, "run: npm install -g corepack", false, ""},
		{"which Corepack brings", func(m machine) {
			m.installed("bin", "yarn", "yarn", "1.22.22")
			put(t, filepath.Join(m.dir, "bin/corepack"), "")
		}, yarn, "run: corepack install -g yarn@4.1.0", false, ""},
		{"is Corepack's on PATH with the version that it keeps", func(m machine) {
			m.installed("bin", "corepack", "yarn", "0.34.0")
			m.corepack("yarn", "4.1.0", `["yarn", "yarnpkg"]`)
		}, yarn, "bin/yarn", true, "4.1.0"},
		{"is not Corepack's on PATH if that would have to fetch it", func(m machine) { m.installed("bin", "corepack", "yarn", "0.34.0") }, yarn, "run: npm install -g corepack", false, ""},
		{"is Corepack's on PATH if nothing is declared", func(m machine) { m.installed("bin", "corepack", "pnpm", "0.34.0") }, pnpm(""), "bin/pnpm", true, ""},
		{"is a program of a version that is not known", func(m machine) { put(t, filepath.Join(m.dir, "bin/pnpm"), "") }, pnpm("9.1.0"), "bin/pnpm", true, ""},
		{"else Corepack brings it", func(m machine) { put(t, filepath.Join(m.dir, "bin/corepack"), "") }, pnpm("9.1.0"), "bin/corepack pnpm", false, ""},
		{"else npx does", func(m machine) { put(t, filepath.Join(m.dir, "bin/npx"), "") }, pnpm("9.1.0"), "bin/npx --yes pnpm@9.1.0", false, ""},
		{"else there is a hint", func(machine) {}, pnpm("9.1.0"), "install pnpm", false, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			m := machine{t, t.TempDir()}
			tt.there(m)
			p, err := m.find(tt.wanted)
			if err != nil {
				e := (*problem.Error)(nil)
				if !errors.As(err, &e) || !strings.HasPrefix(e.Hint, tt.want) || e.ExitStatus() != problem.ExitUsage {
					t.Errorf("got %v", err)
				}
				return
			}
			got := strings.ReplaceAll(strings.Join(p.Args, " "), m.dir+string(filepath.Separator), "")
			if got != tt.want || p.OnPath != tt.onPath || p.Version != tt.vers {
				t.Errorf("got %q %+v, want %q", got, p, tt.want)
			}
		})
	}
}

func TestCorepackKeepsProgramsWhereTheSystemKeepsThem(t *testing.T) {
	for _, tt := range []struct {
		system string
		env    []string
		want   string
	}{
		{"linux", []string{"HOME=/h"}, "/h/.cache/node/corepack"},
		{"darwin", []string{"HOME=/h"}, "/h/.cache/node/corepack"},
		{"windows", []string{"USERPROFILE=/u", "HOME=/h"}, "/u/AppData/Local/node/corepack"},
		{"windows", []string{"USERPROFILE=/u", "LOCALAPPDATA=/l"}, "/l/node/corepack"},
		{"linux", []string{"HOME=/h", "XDG_CACHE_HOME=/x", "LOCALAPPDATA=/l"}, "/x/node/corepack"},
		{"linux", []string{"HOME=/h", "XDG_CACHE_HOME=/x", "COREPACK_HOME=/c"}, "/c"},
	} {
		if got := filepath.ToSlash(corepackHome(tt.env, tt.system)); got != tt.want {
			t.Errorf("%s, %q: %q, want %q", tt.system, tt.env, got, tt.want)
		}
	}
}

func TestACheckedInYarnGoesBeforeAll(t *testing.T) {
	m := machine{t, t.TempDir()}
	m.installed("bin", "yarn", "yarn", "1.22.22")
	file := put(t, filepath.Join(m.dir, "repo", "yarn-4.1.0.cjs"), "")
	w := Wanted{Name: pkgmanager.Yarn, Version: "4.1.0", YarnPath: file}
	p, err := m.find(w)
	if err != nil || !slices.Equal(p.Args, []string{filepath.Join(m.dir, "prefix/bin/node"), file}) || p.File != file || p.OnPath {
		t.Errorf("got %+v, %v", p, err)
	}
	t.Run("unless it is not there", func(t *testing.T) {
		w.YarnPath += ".gone"
		if p, err := m.find(w); err == nil {
			t.Errorf("yarn 4 is %+v", p)
		}
	})
}
