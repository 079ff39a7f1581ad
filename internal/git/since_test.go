package git

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// run runs Git in a folder, as somebody.
func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "protocol.file.allow=always"}, args...)...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// repository is one with two commits on main, and a branch from the first that is checked out.
func repository(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		testkit.UnlessCI(t, err.Error())
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	run(t, root, "init", "-q", "-b", "main")
	for _, name := range []string{"kept", "committed", "staged", "changed", "removed", "moved", "reverted"} {
		testkit.Write(t, root, name, name+"\n")
	}
	testkit.Write(t, root, ".gitignore", "ignored\n")
	run(t, root, "add", "-A")
	run(t, root, "commit", "-qm", "first")
	run(t, root, "checkout", "-qb", "topic")
	run(t, root, "checkout", "-q", "main")
	testkit.Write(t, root, "only-on-main", "")
	run(t, root, "add", "-A")
	run(t, root, "commit", "-qm", "second")
	run(t, root, "checkout", "-q", "topic")
	return root
}

func TestSince(t *testing.T) {
	root := repository(t)
	t.Run("nothing has changed at the start of a branch", func(t *testing.T) {
		if c, err := Since(t.Context(), root, "main"); err != nil || len(c.Paths) > 0 || c.Root != root {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	testkit.Write(t, root, "committed", "x")
	testkit.Write(t, root, "reverted", "x")
	run(t, root, "commit", "-qam", "third")
	testkit.Write(t, root, "reverted", "reverted\n")
	testkit.Write(t, root, "staged", "x")
	run(t, root, "add", "staged")
	run(t, root, "mv", "moved", "there")
	testkit.Write(t, root, "changed", "x")
	testkit.Write(t, root, "new ü\n", "x")
	testkit.Write(t, root, "ignored", "x")
	testkit.Write(t, root, "inner/file", "x")
	run(t, filepath.Join(root, "inner"), "init", "-q")
	if err := os.Remove(filepath.Join(root, "removed")); err != nil {
		t.Fatal(err)
	}
	want := []string{"changed", "committed", "inner", "moved", "new ü\n", "removed", "staged", "there"}
	for _, dir := range []string{root, filepath.Join(root, ".git/..")} {
		c, err := Since(t.Context(), dir, "main")
		if err != nil {
			t.Fatal(err)
		}
		if slices.Sort(c.Paths); !slices.Equal(c.Paths, want) {
			t.Errorf("got  %q\nwant %q", c.Paths, want)
		}
		if text := Show(t.Context(), root, c.Base, "committed"); string(text) != "committed\n" {
			t.Errorf("it was %q", text)
		}
		if text := Show(t.Context(), root, c.Base, "new"); text != nil {
			t.Errorf("a file that was not there is %q", text)
		}
	}
}

func TestSinceCannotTell(t *testing.T) {
	root := repository(t)
	run(t, root, "checkout", "-q", "--orphan", "alone")
	run(t, root, "commit", "-qm", "without a past")
	shallow, empty := filepath.Join(t.TempDir(), "clone"), t.TempDir()
	run(t, root, "checkout", "-q", "topic")
	testkit.Write(t, root, "committed", "x")
	run(t, root, "commit", "-qam", "third")
	run(t, root, "clone", "-q", "--depth=1", "--no-single-branch", "file://"+filepath.ToSlash(root), shallow)
	run(t, empty, "init", "-q")
	for _, tt := range []struct {
		dir, ref string
		want     error
		shallow  bool
	}{
		{root, "nowhere", ErrNoCommit, false},
		{root, "--output=x", ErrNoCommit, false},
		{root, "main:kept", ErrNoCommit, false},
		{root, "alone", ErrNoMergeBase, false},
		{shallow, "origin/main", ErrNoMergeBase, true},
		{empty, "HEAD", ErrNoCommit, false},
		{t.TempDir(), "main", ErrNoRepository, false},
	} {
		if _, err := Since(t.Context(), tt.dir, tt.ref); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.ref, err)
		}
		if got := Shallow(t.Context(), tt.dir); got != tt.shallow {
			t.Errorf("%s: shallow is %v", tt.ref, got)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := Since(t.Context(), root, "main"); !errors.Is(err, ErrNoGit) {
		t.Error(err)
	}
}

func TestBetween(t *testing.T) {
	root := repository(t) // main is one commit ahead of topic, which is checked out
	testkit.Write(t, root, "committed", "x")
	run(t, root, "commit", "-qam", "third")
	testkit.Write(t, root, "new", "x")
	for _, tt := range []struct {
		claim, from, to string
		want            []string
	}{
		{"neither what the first has beside counts, nor the working tree", "main", "topic", []string{"committed"}},
		{"nor the other way round", "topic", "main", []string{"only-on-main"}},
		{"from a commit to itself nothing differs", "main", "main", nil},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			c, err := Between(t.Context(), root, tt.from, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			if slices.Sort(c.Paths); !slices.Equal(c.Paths, tt.want) {
				t.Errorf("got %q, want %q", c.Paths, tt.want)
			}
		})
	}
	for _, refs := range [][2]string{{"main", "nowhere"}, {"nowhere", "main"}, {"main", "--output=nowhere"}} {
		_, err := Between(t.Context(), root, refs[0], refs[1])
		if e := (*NoCommitError)(nil); !errors.As(err, &e) || !strings.Contains(e.Ref, "nowhere") || !errors.Is(err, ErrNoCommit) {
			t.Errorf("%q: %v", refs, err)
		}
	}
}
