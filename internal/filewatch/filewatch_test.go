package filewatch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open watches a new folder with some files.
func open(t *testing.T, files ...string) (*Watcher, string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		testkit.Write(t, root, name, "first")
	}
	w, err := Open(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w, root
}

// until collects what has changed until a file has: "+a" was added, "-a" removed, "=a"
// written as it was, "a" changed.
func until(t *testing.T, w *Watcher, last string) (all []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		changes, err := w.Next(ctx)
		if err != nil {
			t.Fatalf("%q is not told: %v after %q", last, err, all)
		}
		for _, c := range changes {
			all = append(all, mark(c)+c.Path)
		}
		if slices.Contains(all, last) {
			return all
		}
	}
}

func mark(c Change) string {
	switch {
	case c.Before == c.After:
		return "="
	case c.Before == 0:
		return "+"
	case c.After == 0:
		return "-"
	}
	return ""
}

func remove(t *testing.T, root, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
		t.Fatal(err)
	}
}

func TestNext(t *testing.T) {
	const end = "end" // what is written last
	for _, tt := range []struct {
		claim string
		files []string
		does  func(t *testing.T, root string)
		want  string
	}{
		{"tells of an edit", []string{"a/f", "b"}, func(t *testing.T, root string) { testkit.Write(t, root, "a/f", "second") }, "a/f"},
		{"tells of a file that was written as it was", []string{"f"}, func(t *testing.T, root string) { testkit.Write(t, root, "f", "first") }, "=f"},
		{"tells of a file that was removed", []string{"f"}, func(t *testing.T, root string) { remove(t, root, "f") }, "-f"},
		{"tells nothing of a file that comes and goes", nil, func(t *testing.T, root string) { testkit.Write(t, root, "f", ""); remove(t, root, "f") }, ""},
		{"takes a file that is replaced for an edit", []string{"f"}, func(t *testing.T, root string) {
			testkit.Write(t, root, ".heapmage/new", "second")
			if err := os.Rename(filepath.Join(root, ".heapmage/new"), filepath.Join(root, "f")); err != nil {
				t.Fatal(err)
			}
		}, "f"},
		{"tells of all that is in new folders", nil, func(t *testing.T, root string) { testkit.Write(t, root, "a/b/c/f", "") }, "+a/b/c/f"},
		{"tells of all that was in a folder", []string{"a/b/f", "a/g"}, func(t *testing.T, root string) { remove(t, root, "a") }, "-a/b/f -a/g"},
		{"compares a folder that was removed and made again", []string{"a/same", "a/other", "a/gone"}, func(t *testing.T, root string) {
			remove(t, root, "a")
			testkit.Write(t, root, "a/same", "first")
			testkit.Write(t, root, "a/other", "second")
		}, "-a/gone a/other =a/same"},
		{"tells of a folder that was moved", []string{"a/f"}, func(t *testing.T, root string) {
			if err := os.Rename(filepath.Join(root, "a"), filepath.Join(root, "b")); err != nil {
				t.Fatal(err)
			}
		}, "-a/f +b/f"},
		{"is silent about what is installed, Git's folder and tools' caches", nil, func(t *testing.T, root string) {
			for _, name := range []string{"node_modules/x/f", "p/node_modules/x/f", ".git/HEAD", "p/.git/HEAD", ".heapmage/f", "p/.turbo/f"} {
				testkit.Write(t, root, name, "")
			}
		}, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			w, root := open(t, tt.files...)
			tt.does(t, root)
			testkit.Write(t, root, end, "")
			got := until(t, w, "+"+end)
			got = slices.DeleteFunc(got, func(s string) bool { return s == "+"+end })
			if strings.Join(got, " ") != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	t.Run("watches a folder that was made again", func(t *testing.T) {
		w, root := open(t, "a/f")
		remove(t, root, "a")
		until(t, w, "-a/f")
		testkit.Write(t, root, "a/f", "first")
		until(t, w, "+a/f")
		testkit.Write(t, root, "a/f", "second")
		until(t, w, "a/f")
	})
	t.Run("compares all if more has happened than can be told", func(t *testing.T) {
		w, root := open(t, "a/f", "b/g")
		testkit.Write(t, root, "a/f", "second")
		until(t, w, "a/f")
		testkit.Write(t, root, "a/f", "third")
		remove(t, root, "b")
		for len(w.notify.Events) > 0 {
			<-w.notify.Events
		}
		w.pending, w.lost = map[string]fsnotify.Op{}, true
		if got := until(t, w, "-b/g"); !slices.Contains(got, "a/f") {
			t.Error(got)
		}
	})
	t.Run("ends with its context, and tells the rest later", func(t *testing.T) {
		w, root := open(t, "f")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		testkit.Write(t, root, "f", "second")
		if changes, err := w.Next(ctx); err != context.Canceled {
			t.Error(changes, err)
		}
		until(t, w, "f")
		if changes, err := w.Settle(t.Context()); err != nil || len(changes) > 0 {
			t.Error(changes, err)
		}
	})
	t.Run("opens no pipe and follows no link", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("has no pipes in folders")
		}
		w, root := open(t, "a/f")
		if err := exec.Command("mkfifo", filepath.Join(root, "pipe")).Run(); err != nil {
			t.Skip(err)
		}
		if err := os.Symlink(".", filepath.Join(root, "loop")); err != nil {
			t.Fatal(err)
		}
		if got := until(t, w, "+pipe"); len(got) == 1 {
			got = append(got, until(t, w, "+loop")...)
			slices.Sort(got)
			if fmt.Sprint(got) != "[+loop +pipe]" {
				t.Error(got)
			}
		}
	})
}

func TestIgnored(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		testkit.UnlessCI(t, err.Error())
	}
	w, root := open(t, "f")
	for _, dir := range []string{"", "inner"} {
		if out, err := exec.Command("git", "init", "-q", filepath.Join(root, dir)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	testkit.Write(t, root, ".gitignore", "dist/\n*.log\n")
	until(t, w, "+.gitignore")
	testkit.Write(t, root, "p/dist/f", "")
	testkit.Write(t, root, "x.log", "")
	testkit.Write(t, root, "inner/x.log", "") // another repository, which does not ignore it
	if got := until(t, w, "+inner/x.log"); len(got) > 1 {
		t.Errorf("%q: Git ignores the rest", got)
	}
	testkit.Write(t, root, "p/dist/f", "second")
	testkit.Write(t, root, "f", "second")
	if got := until(t, w, "f"); len(got) > 1 {
		t.Errorf("%q: Git ignores the rest", got)
	}
	testkit.Write(t, root, ".gitignore", "/f\n")
	got := until(t, w, ".gitignore")
	if slices.Sort(got); !slices.Contains(got, "+x.log") || !slices.Contains(got, "+p/dist/f") || slices.Contains(got, "-f") {
		t.Errorf("%q: what is no longer ignored is new, what is ignored now has not gone", got)
	}
}

func TestExplained(t *testing.T) {
	for err, want := range map[error]string{
		syscall.ENOSPC: "/w: the system watches no more folders for this user\n💡 raise the limit: sudo sysctl fs.inotify.max_user_watches=524288",
		fmt.Errorf("couldn't initialize inotify: %w", syscall.EMFILE): "max_user_instances",
		os.ErrPermission: "/w: its files cannot be watched: permission denied",
	} {
		if got := explained("/w", err).Error(); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
