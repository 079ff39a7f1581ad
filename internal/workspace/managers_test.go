package workspace

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tailscale/hujson"
)

// lister is a package manager that lists the packages of a workspace.
type lister struct {
	name string
	// setup are the files that make a workspace the manager's own.
	setup map[string]string
	// pack is what is installed from the registry: npm is at hand.
	pack, bin string
	// list returns the packages by folder, and false if the manager refuses.
	list func(t *testing.T, program, root string) (map[string]bool, bool)
}

var listers = []lister{
	{"npm", map[string]string{"package-lock.json": `{"lockfileVersion": 3, "packages": {}}`}, "", "npm", listNPM},
	{"pnpm", map[string]string{"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, "pnpm@10", "pnpm", listPNPM},
	{"yarn 1", map[string]string{"yarn.lock": "# yarn lockfile v1\n"}, "yarn@1", "yarn", listYarn1},
	{"yarn 4", map[string]string{"yarn.lock": "__metadata:\n  version: 8\n", ".yarnrc.yml": "enableTelemetry: false\n"}, "@yarnpkg/cli-dist@4", "yarn", listYarn4},
	{"bun", map[string]string{"bun.lock": ""}, "bun", "bun", listBun},
}

// TestLikeManagers draws workspaces and compares their packages with those that the
// managers list themselves. MANAGERS is a folder for managers of the registry, which are
// installed there once; MANAGERS_CASES is how many workspaces there are, and
// MANAGERS_SEED the first.
func TestLikeManagers(t *testing.T) {
	cases, _ := strconv.Atoi(cmp.Or(os.Getenv("MANAGERS_CASES"), "6"))
	first, _ := strconv.Atoi(os.Getenv("MANAGERS_SEED"))
	for _, l := range listers {
		t.Run(l.name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("it starts package managers")
			}
			program := l.find(t)
			refused := 0
			for seed := first; seed < first+cases; seed++ {
				w := anyLayout(rand.New(rand.NewPCG(3, uint64(seed))))
				root := w.write(t, l)
				want, ok := l.list(t, program, root)
				if !ok {
					refused++
					continue
				}
				got := map[string]bool{}
				ws, err := Load(root)
				if err == nil {
					for _, p := range ws.Packages {
						got[p.Dir] = true
					}
				}
				delete(want, ".")
				delete(got, ".")
				if !maps.Equal(got, want) {
					t.Errorf("seed %d: we have %q (%v), %s has %q in\n%s", seed, slices.Sorted(maps.Keys(got)), err, l.name, slices.Sorted(maps.Keys(want)), w)
				}
			}
			t.Logf("%d workspaces, %d refused by %s", cases, refused, l.name)
		})
	}
}

// find returns the manager's program, which it installs if MANAGERS says where.
func (l lister) find(t *testing.T) string {
	t.Helper()
	if l.pack == "" {
		program, err := exec.LookPath(l.bin)
		if err != nil {
			t.Skip(l.bin + " is not at hand")
		}
		return program
	}
	all := os.Getenv("MANAGERS")
	if all == "" {
		t.Skip("MANAGERS is not set: it is a folder to install " + l.pack + " in")
	}
	dir := filepath.Join(all, strings.NewReplacer("@", "", "/", "").Replace(l.pack))
	program := filepath.Join(dir, "node_modules", ".bin", l.bin)
	if _, err := os.Stat(program); err != nil {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		run(t, dir, "npm", "install", "--no-audit", "--no-fund", "--prefix", dir, l.pack)
	}
	return program
}

// run returns what a program prints, and whether it succeeds.
func run(t *testing.T, dir, program string, args ...string) ([]byte, bool) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CI=1", "npm_config_update_notifier=false", "YARN_ENABLE_NETWORK=0", "COREPACK_ENABLE_STRICT=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && os.Getenv("MANAGERS_SEED") != "" {
		t.Logf("%s %v: %v\n%s%s", program, args, err, out, stderr.Bytes())
	}
	return out, err == nil
}

func listNPM(t *testing.T, program, root string) (map[string]bool, bool) {
	if _, ok := run(t, root, program, "install", "--package-lock-only", "--offline", "--no-audit"); !ok {
		return nil, false
	}
	out, ok := run(t, root, program, "query", ".workspace", "--package-lock-only")
	var list []struct{ Location string }
	ok = ok && json.Unmarshal(out, &list) == nil
	found := map[string]bool{}
	for _, p := range list {
		found[p.Location] = true
	}
	return found, ok
}

func listPNPM(t *testing.T, program, root string) (map[string]bool, bool) {
	out, ok := run(t, root, program, "ls", "-r", "--depth", "-1", "--json")
	var list []struct{ Path string }
	ok = ok && json.Unmarshal(out, &list) == nil
	found := map[string]bool{}
	for _, p := range list {
		rel, _ := filepath.Rel(root, p.Path)
		found[filepath.ToSlash(rel)] = true
	}
	return found, ok
}

func listYarn1(t *testing.T, program, root string) (map[string]bool, bool) {
	out, ok := run(t, root, program, "--silent", "workspaces", "info")
	var list map[string]struct{ Location string }
	ok = ok && json.Unmarshal(out, &list) == nil
	found := map[string]bool{}
	for _, p := range list {
		found[p.Location] = true
	}
	return found, ok
}

func listYarn4(t *testing.T, program, root string) (map[string]bool, bool) {
	out, ok := run(t, root, program, "workspaces", "list", "--json")
	found := map[string]bool{}
	for line := range bytes.Lines(out) {
		var p struct{ Location string }
		ok = ok && json.Unmarshal(line, &p) == nil
		found[p.Location] = true
	}
	return found, ok
}

func listBun(t *testing.T, program, root string) (map[string]bool, bool) {
	_ = os.Remove(filepath.Join(root, "bun.lock"))
	_, ok := run(t, root, program, "install", "--lockfile-only", "--save-text-lockfile", "--ignore-scripts")
	text, err := os.ReadFile(filepath.Join(root, "bun.lock"))
	if err != nil {
		ok = false
		_ = os.WriteFile(filepath.Join(root, "bun.lock"), nil, 0o644)
	}
	text, _ = hujson.Standardize(text)
	var lock struct{ Workspaces map[string]any }
	ok = ok && json.Unmarshal(text, &lock) == nil
	found := map[string]bool{}
	for dir := range lock.Workspaces {
		found[cmp.Or(dir, ".")] = true
	}
	return found, ok
}

// layout is a drawn workspace.
type layout struct {
	patterns []string
	packages []string
	links    [][2]string // a link, and where it leads
}

func (l layout) String() string {
	return fmt.Sprintf("patterns %q\npackages %q\nlinks %q", l.patterns, l.packages, l.links)
}

// anyLayout draws folders, links and patterns that have much in common.
func anyLayout(r *rand.Rand) (l layout) {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	for range 2 + r.IntN(7) {
		dir := pick("p", "p", "q", "q/in", "../out") + "/" + pick("a", "b", "c", "d", "a/x", "b/y", ".h")
		if !slices.Contains(l.packages, dir) {
			l.packages = append(l.packages, dir)
		}
	}
	if r.IntN(3) == 0 {
		l.links = append(l.links, [2]string{pick("p/l", "q/l", "q/in/l"), pick("r/t", "r", "nowhere")})
		l.packages = append(l.packages, "r/t")
	}
	for range 1 + r.IntN(4) {
		p := pick("p/*", "p/*", "q/*", "p/**", "q/**", "p/a", "q/b", "./p/c/", "p/{a,b}", "q/in/*", "*/a", "../out/*", "../out/a", "p/a/x", "p/*/x", "p/[ab]", "p/l")
		if r.IntN(4) == 0 && len(l.patterns) > 0 {
			p = "!" + pick("p/a", "p/b", "q/**", "p/*", "**/x", "q/in/*", "../out/b", "./p/c")
		}
		if !slices.Contains(l.patterns, p) {
			l.patterns = append(l.patterns, p)
		}
	}
	return l
}

// write makes the workspace for a manager.
func (l layout) write(t *testing.T, m lister) (root string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root = filepath.Join(root, "w")
	write := func(name, text string) {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range m.setup {
		write(name, text)
	}
	patterns, _ := json.Marshal(l.patterns)
	if m.name == "pnpm" {
		write("pnpm-workspace.yaml", "packages: "+string(patterns)+"\n")
		write("package.json", `{"name": "root", "version": "1.0.0", "private": true}`)
	} else {
		write("package.json", `{"name": "root", "version": "1.0.0", "private": true, "workspaces": `+string(patterns)+`}`)
	}
	for i, dir := range l.packages {
		write(dir+"/package.json", fmt.Sprintf(`{"name": "n%d", "version": "1.0.0"}`, i))
	}
	for _, link := range l.links {
		file := filepath.Join(root, filepath.FromSlash(link[0]))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(root, link[1]), file); err != nil {
			t.Skip("symbolic links cannot be made here:", err)
		}
	}
	return root
}
