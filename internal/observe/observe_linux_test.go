//go:build amd64 || arm64

package observe

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// watched runs a command in dir, observed.
func watched(t *testing.T, dir string, args ...string) Observation {
	t.Helper()
	o := &Observer{}
	t.Cleanup(o.Close)
	got, out, err := watch(t, o, dir, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return got
}

func watch(t *testing.T, o *Observer, dir string, args ...string) (Observation, string, error) {
	t.Helper()
	path, err := exec.LookPath(args[0])
	if err != nil {
		t.Fatal(err)
	}
	w, program, words, err := o.Command(path, args, 3)
	if err != nil {
		t.Fatal(err)
	}
	c := &exec.Cmd{Path: program, Args: words, Dir: dir, ExtraFiles: []*os.File{w.File()}}
	out, err := c.CombinedOutput()
	w.Started()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, failed := w.Finish(ctx)
	if failed != nil {
		t.Fatalf("%v: %v\n%s", failed, err, out)
	}
	return got, string(out), err
}

func TestObserve(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"in": "1", "sub/deep": "2", "old": "3"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("sub", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	got := watched(t, dir, "sh", "-c", `cat in link/deep >out; [ -e missing/x ]; mv old new; ls sub >/dev/null; mkdir d; echo 1 >d/f; mv d e; cat out >/dev/null; rm out; exit 0`)
	if len(got.Incomplete) > 0 || got.Disturbed != "" {
		t.Errorf("%q, %q", got.Incomplete, got.Disturbed)
	}
	for name, want := range map[string]string{
		"in": "read", "sub/deep": "read", "link": "link sub", "missing/x": "absent", "old": "read written", "new": "absent written",
		"sub": "listed deep", "out": "absent written", "d": "absent written", "e/f": "absent written", "e": "absent written",
	} {
		f, ok := got.Files[filepath.Join(dir, name)]
		if text := f.text(); !ok || text != want {
			t.Errorf("%s: %q, want %q (%v)", name, text, want, ok)
		}
	}
}

// text says what was seen of a file.
func (f File) text() string {
	var all []string
	add := func(set bool, text string) {
		if set {
			all = append(all, text)
		}
	}
	add(!f.Existed(), "absent")
	add(f.Target != "", "link "+f.Target)
	add(f.Listed, "listed "+strings.Join(f.Names, ","))
	add(f.Read, "read")
	add(f.Run, "run")
	add(f.Written, "written")
	return strings.Join(all, " ")
}

// A workspace may be in memory.
func TestSharedMemoryIsAFolder(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "heapmage-test-") //nolint:usetesting // not the usual folder is tested
	if err != nil {
		t.Skip("/dev/shm cannot be written: ", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte("1"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := watched(t, dir, "sh", "-c", "cat in >out; echo >/dev/null")
	if in, out := o.Files[dir+"/in"], o.Files[dir+"/out"]; !in.Read || !out.Written {
		t.Errorf("in: %+v, out: %+v", in, out)
	}
	if _, met := o.Files["/dev/null"]; met {
		t.Error("a device counts as a file")
	}
}
