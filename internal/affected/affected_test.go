package affected

import (
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/internal/workspace"
)

// repository has a workspace in a folder of a repository, with everything committed.
func repository(t *testing.T, top string) (root string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		testkit.UnlessCI(t, err.Error())
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root = filepath.Join(dir, top)
	testkit.Write(t, root, "package.json", `{"name": "top", "workspaces": ["packages/*", "packages/web/plugins/*"]}`)
	testkit.Write(t, root, "package-lock.json", lock("1.0.0"))
	for _, name := range []string{"core", "web", "web/plugins/one"} {
		testkit.Write(t, root, "packages/"+name+"/package.json", `{"name": "`+filepath.Base(name)+`"}`)
	}
	testkit.Write(t, root, "packages/core/package.json", `{"name": "core", "dependencies": {"ms": "^1.0.0"}}`)
	testkit.Write(t, root, ".gitignore", "dist\n")
	testkit.Write(t, dir, "elsewhere/file", "")
	runGit(t, dir, "init", "-q", "-b", "main")
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "-c", "user.name=n", "-c", "user.email=n@example.com", "commit", "-qm", "first")
	return root
}

func lock(version string) string {
	return `{"lockfileVersion": 3, "packages": {"": {}, "packages/core": {}, "node_modules/ms": {"version": "` + version + `"}}}`
}

func runGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "git", args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func TestSince(t *testing.T) {
	const all = "core one top web"
	for _, tt := range []struct {
		claim, top, file, text string
		want, because          string
	}{
		{"nothing has changed", "", "packages/core/dist/a", "", "", ""},
		{"a package, and the root", "", "packages/core/a", "", "core top", ""},
		{"a package in a package", "", "packages/web/plugins/one/a", "", "one top", ""},
		{"a file in a folder that holds packages", "", "packages/web/plugins/a", "", "top web", ""},
		{"a file of the root", "", "tsconfig.base.json", "", all, "tsconfig.base.json"},
		{"the plan of shards", "", "heapmage-plan.json", "", "", ""},
		{"a file beside the packages", "", "packages/jest.config.js", "", all, "packages/jest.config.js"},
		{"the lock file", "", "package-lock.json", lock("1.0.1"), "core top", ""},
		{"the lock file, with the same in it", "", "package-lock.json", lock("1.0.0") + "\n", "top", ""},
		{"a lock file that cannot be read", "", "package-lock.json", "{", all, "package-lock.json"},
		{"a workspace in a folder", "front/end", "packages/core/a", "", "core top", ""},
		{"what is beside the workspace", "front/end", "../../elsewhere/file", "x", "", ""},
		{"configuration above the workspace", "front/end", "../../tsconfig.json", "", all, "tsconfig.json"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			root := repository(t, tt.top)
			testkit.Write(t, root, tt.file, tt.text)
			ws, err := workspace.Load(root)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Since(t.Context(), ws, "main")
			if err != nil {
				t.Fatal(err)
			}
			if names := namesOf(c); names != tt.want || c.All != tt.because {
				t.Errorf("%q because of %q", names, c.All)
			}
			if !strings.HasPrefix(c.Since, " since main (") || len(c.Since) != len(" since main (1234567)") {
				t.Errorf("%q", c.Since)
			}
		})
	}
}

// namesOf are the names of the packages that have changed, in order.
func namesOf(c *Changes) string {
	var names []string
	for pkg := range c.Packages {
		names = append(names, pkg.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestAfter(t *testing.T) {
	root := repository(t, "")
	ws, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		claim string
		then  Run
		want  string
	}{
		{"nothing has happened", Run{}, ""},
		{"a file has changed", Run{Paths: []string{"packages/web/plugins/one/a"}}, "one top"},
		{"a package failed, another is gone", Run{Failed: []string{"packages/web", "packages/gone"}}, "web"},
		{"a file that each may read has changed", Run{Paths: []string{"tsconfig.json"}}, "core one top web"},
		{"the lock file has, and it is known how", Run{Paths: []string{"package-lock.json"}, LockFile: []byte(lock("0.9.0"))}, "core top"},
		{"the lock file has, and it is not known how", Run{Paths: []string{"package-lock.json"}}, "core one top web"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if names := namesOf(After(ws, tt.then)); names != tt.want {
				t.Errorf("%q, want %q", names, tt.want)
			}
		})
	}
}

func TestSubmodulesWithPackages(t *testing.T) {
	root := repository(t, "")
	ws, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	s := newSorter(ws, ".")
	s.add("packages/web/plugins", nil)
	if len(s.Packages) != 3 || s.All != "" { // the root, the package around it, and the one in it
		t.Errorf("%v", s.Packages)
	}
}

func TestMistakes(t *testing.T) {
	root := repository(t, "")
	ws, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	shallow := filepath.Join(t.TempDir(), "clone")
	runGit(t, root, "clone", "-q", "--depth=1", "file://"+filepath.ToSlash(root), shallow)
	outside := *ws
	outside.Root = t.TempDir()
	cloned := *ws
	cloned.Root = shallow
	for _, tt := range []struct {
		ws        *workspace.Workspace
		ref       string
		what, why string
	}{
		{ws, "", "names no commit", "-since=origin/main"},
		{ws, "nowhere", `Git knows no commit "nowhere"`, "git branch --all"},
		{&cloned, "v1", "does not have all of the history", "fetch-depth: 0"},
		{&outside, "main", "is not in a Git repository", "leave the flag out"},
	} {
		_, err := Since(t.Context(), tt.ws, tt.ref)
		p := (*problem.Error)(nil)
		if !errors.As(err, &p) || p.Where != "-since="+tt.ref || !strings.Contains(p.What, tt.what) || !strings.Contains(p.Hint, tt.why) {
			t.Errorf("-since=%s: %v", tt.ref, err)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := Since(t.Context(), ws, "main"); err == nil || !strings.Contains(err.Error(), "git is not installed") {
		t.Error(err)
	}
}

func TestNarrow(t *testing.T) {
	root := repository(t, "")
	ws, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		claim     string
		top       string
		files     []string
		want, all string
	}{
		{"what a package may read", ".", []string{"a", "b"}, "top web", ""},
		{"beside what has changed itself", ".", []string{"a", "packages/core/x", "b"}, "core top web", ""},
		{"a file that none reads", ".", []string{"a"}, "top", ""},
		{"a file above the workspace concerns all", "front", []string{"b", "front/a"}, "core one top web", "b"},
		{"nothing that concerns all has changed", ".", []string{"packages/core/x"}, "core top", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			s := newSorter(ws, tt.top)
			for _, name := range tt.files {
				s.add(name, nil)
			}
			s.Narrow(func(pkg *workspace.Package, files []string) bool {
				return pkg.Name == "web" && slices.Contains(files, "b")
			})
			if names := namesOf(s.Changes); names != tt.want || s.All != tt.all {
				t.Errorf("%q because of %q", names, s.All)
			}
		})
	}
}

func TestBetween(t *testing.T) {
	root := repository(t, "")
	commit := func(file, text string) {
		testkit.Write(t, root, file, text)
		runGit(t, root, "add", "-A")
		runGit(t, root, "-c", "user.name=n", "-c", "user.email=n@example.com", "commit", "-qm", file)
	}
	runGit(t, root, "checkout", "-qb", "topic")
	commit("packages/core/a", "")
	runGit(t, root, "checkout", "-qb", "locked")
	commit("package-lock.json", lock("2.0.0"))
	runGit(t, root, "checkout", "-q", "main")
	commit("packages/web/a", "")
	ws, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Write(t, root, "packages/web/plugins/one/a", "") // only in the working tree
	for _, tt := range []struct{ claim, from, to, want, since string }{
		{"the working tree, from where the branches parted", "topic", "", "one top web", " since topic ("},
		{"two branches, from where they parted", "main", "topic", "core top", " between main and topic ("},
		{"the lock files of both commits", "topic", "locked", "core top", " between topic and locked ("},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			c, err := Between(t.Context(), ws)("-workspace=[x]", tt.from, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			if names := namesOf(c); names != tt.want || c.All != "" || !strings.HasPrefix(c.Since, tt.since) {
				t.Errorf("%q%s because of %q", names, c.Since, c.All)
			}
		})
	}
	for _, refs := range [][2]string{{"main", "nowhere"}, {"nowhere", "main"}, {"nowhere", ""}} {
		if _, err := Between(t.Context(), ws)("-workspace=[x]", refs[0], refs[1]); err == nil || !strings.Contains(err.Error(), `-workspace=[x]: Git knows no commit "nowhere"`) {
			t.Errorf("%q: %v", refs, err)
		}
	}
}
