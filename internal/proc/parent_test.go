//go:build unix

package proc

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// watchParent prints how many launchers it sees, then waits for their end, or for a
// short time in vain.
func watchParent() {
	patience := hang
	if os.Getenv("PROC_TEST_PATIENCE") == "short" {
		patience = 4 * parentInterval
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	line := launchers(os.Getppid()) // before the parent is killed
	fmt.Println("ready", len(line))
	fmt.Println("gone", watchLaunchers(ctx, line))
}

func TestWatchParent(t *testing.T) {
	// copyAs makes the test binary a program of that name.
	copyAs := func(t *testing.T, name string) string {
		t.Helper()
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		in, err := os.Open(self)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = in.Close() }()
		path := filepath.Join(t.TempDir(), name)
		out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(out, in); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// orphan runs the watcher under a parent of that name, kills the parent, and
	// returns what the watcher said.
	orphan := func(t *testing.T, name string, env ...string) string {
		t.Helper()
		c := again("launcher")
		c.Path = copyAs(t, name)
		c.Env = append(append(c.Env, "PROC_TEST_THEN=watch-parent"), env...)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		c.Stdout = w
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var first [8]byte // "ready N\n"
		if _, err := io.ReadFull(r, first[:]); err != nil {
			t.Fatal(err)
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		if err := r.SetReadDeadline(time.Now().Add(2 * hang)); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(first[:]) + string(rest)
	}
	for _, name := range []string{"mage", "go"} {
		t.Run("reports when "+name+" has gone", func(t *testing.T) {
			if got := orphan(t, name); !strings.HasSuffix(got, "gone true\n") || strings.HasPrefix(got, "ready 0") {
				t.Errorf("%q", got)
			}
		})
	}
	t.Run("ignores any other parent, such as the shell of a nohup", func(t *testing.T) {
		if got := orphan(t, "shell", "PROC_TEST_PATIENCE=short"); got != "ready 0\ngone false\n" {
			t.Errorf("%q", got)
		}
	})
	t.Run("returns when ctx is done", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if WatchParent(ctx) {
			t.Error("it reports that the parent has gone")
		}
	})
}
