package git

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestHead(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		c := exec.Command("git", append([]string{"-c", "user.name=n", "-c", "user.email=n@example.com"}, args...)...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := Head(t.Context(), dir); !errors.Is(err, ErrNoRepository) {
		t.Errorf("outside of a repository: %v", err)
	}
	run("init", "-q")
	if _, _, err := Head(t.Context(), dir); !errors.Is(err, ErrNoCommit) {
		t.Errorf("before the first commit: %v", err)
	}
	write("a", "1\n")
	run("add", "a")
	run("commit", "-qm", "first")
	commit, changes, err := Head(t.Context(), dir)
	if err != nil || len(commit) < 40 || changes != "" {
		t.Fatalf("%q, %q, %v", commit, changes, err)
	}
	write("untracked", "1")
	write("a", "1\n") // as it is committed, with another time
	if _, changes, _ := Head(t.Context(), dir); changes != "" {
		t.Error("files that Git does not know, or that are as they were, count")
	}
	write("a", "2\n")
	_, first, _ := Head(t.Context(), dir)
	run("config", "diff.noprefix", "true")
	run("config", "diff.external", "false")
	run("config", "diff.context", "0")
	if _, again, err := Head(t.Context(), dir); first == "" || again != first {
		t.Errorf("other settings change %q to %q, %v", first, again, err)
	}
	run("add", "a")
	if _, staged, _ := Head(t.Context(), dir); staged != first {
		t.Errorf("staged it is %q", staged)
	}
	write("a", "3\n")
	if same, other, _ := Head(t.Context(), dir); other == first || same != commit {
		t.Error("another change has the same digest")
	}
}
