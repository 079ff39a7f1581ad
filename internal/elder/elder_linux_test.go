package elder

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/memtools"
)

// process starts a process that lives until the test ends.
func process(t *testing.T) *exec.Cmd {
	t.Helper()
	c := exec.Command("sleep", "1000")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return c
}

// marked leaves the mark of a process, as if it were a run that began before all others.
func marked(t *testing.T, place string, pid int, run string) string {
	t.Helper()
	p, err := proctable.Lookup(pid)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := openFolder(place)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	name := fmt.Sprintf("%d-%d-%s", p.PID, p.Start, run)
	if err := leave(folder, name); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(place, folderName, name)
}

// younger is this run, as if it had begun after every process that is there.
func younger(t *testing.T, place string) *Run {
	t.Helper()
	r := enter("ours", []string{filepath.Join(place, "missing"), place})
	r.age.Start = 1 << 62
	t.Cleanup(r.Leave)
	return r
}

func TestAtWork(t *testing.T) {
	for claim, play := range map[string]func(t *testing.T, place string){
		"an older run that has just begun goes first": func(t *testing.T, place string) {
			pid := process(t).Process.Pid
			marked(t, place, pid, "theirs")
			if got := younger(t, place).AtWork(time.Now()); got != pid {
				t.Errorf("got %d, want %d", got, pid)
			}
		},
		"also one that comes when this one was found alone": func(t *testing.T, place string) {
			r, now := younger(t, place), time.Now()
			long := now.Add(-time.Hour) // has the folder been as it is
			if err := os.Chtimes(filepath.Join(place, folderName), long, long); err != nil {
				t.Fatal(err)
			}
			if got := r.AtWork(now); got != 0 {
				t.Errorf("got %d", got)
			}
			pid := process(t).Process.Pid
			marked(t, place, pid, "theirs")
			if got := r.AtWork(now.Add(interval)); got != pid {
				t.Errorf("got %d, want %d", got, pid)
			}
		},
		"also one that comes at the moment at which this one finds itself alone": func(t *testing.T, place string) {
			r, now := younger(t, place), time.Now()
			if got := r.AtWork(now); got != 0 {
				t.Errorf("got %d", got)
			}
			before, err := os.Stat(filepath.Join(place, folderName))
			if err != nil {
				t.Fatal(err)
			}
			pid := process(t).Process.Pid
			marked(t, place, pid, "theirs")
			if err := os.Chtimes(filepath.Join(place, folderName), before.ModTime(), before.ModTime()); err != nil {
				t.Fatal(err)
			}
			if got := r.AtWork(now.Add(interval)); got != pid {
				t.Errorf("got %d, want %d", got, pid)
			}
		},
		"a younger one does not": func(t *testing.T, place string) {
			marked(t, place, process(t).Process.Pid, "theirs")
			r := younger(t, place)
			r.age.Start = 1
			if got := r.AtWork(time.Now()); got != 0 {
				t.Errorf("got %d", got)
			}
		},
		"one that is stopped does not": func(t *testing.T, place string) {
			c := process(t)
			marked(t, place, c.Process.Pid, "theirs")
			if err := c.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			for p, err := proctable.Lookup(c.Process.Pid); !p.Stopped; p, err = proctable.Lookup(c.Process.Pid) {
				if err != nil {
					t.Fatal(err)
				}
			}
			if got := younger(t, place).AtWork(time.Now()); got != 0 {
				t.Errorf("got %d", got)
			}
		},
		"nor one that has not grown for ten seconds": func(t *testing.T, place string) {
			marked(t, place, process(t).Process.Pid, "theirs")
			if got := younger(t, place).AtWork(time.Now().Add(11 * time.Second)); got != 0 {
				t.Errorf("got %d", got)
			}
		},
		"nor one that has ended, whatever has its PID now": func(t *testing.T, place string) {
			path := marked(t, place, process(t).Process.Pid, "theirs")
			pid, _, _ := strings.Cut(filepath.Base(path), "-")
			if err := os.Rename(path, filepath.Join(filepath.Dir(path), pid+"-7-theirs")); err != nil {
				t.Fatal(err)
			}
			if got := younger(t, place).AtWork(time.Now()); got != 0 {
				t.Errorf("got %d", got)
			}
		},
		"nor a run that this one is part of, by its parents": func(t *testing.T, place string) {
			marked(t, place, os.Getppid(), "outer")
			if got := younger(t, place).AtWork(time.Now()); got != 0 {
				t.Errorf("got %d", got)
			}
		},
		"nor by its environment": func(t *testing.T, place string) {
			marked(t, place, process(t).Process.Pid, "outer")
			t.Setenv(environ.Task, "outermost/a#build;outer/web#build")
			if got := younger(t, place).AtWork(time.Now()); got != 0 {
				t.Errorf("got %d", got)
			}
		},
		"a run is as old as the outermost that it is part of": func(t *testing.T, place string) {
			outer, other := process(t), process(t)
			marked(t, place, outer.Process.Pid, "outer")
			marked(t, place, other.Process.Pid, "theirs")
			t.Setenv(environ.Task, "outer/web#build")
			r := enter("ours", []string{place})
			defer r.Leave()
			if got := r.AtWork(time.Now()); r.age.PID != outer.Process.Pid || got != 0 {
				t.Errorf("%+v yields to %d", r.age, got)
			}
		},
		"a mark of another user means nothing": func(t *testing.T, place string) {
			if os.Getuid() != 0 {
				t.Skip("changes the owner of a file, which takes root")
			}
			path := marked(t, place, process(t).Process.Pid, "theirs")
			if err := os.Chown(path, 12345, 12345); err != nil {
				t.Fatal(err)
			}
			if got := younger(t, place).AtWork(time.Now()); got != 0 {
				t.Errorf("got %d", got)
			}
		},
		"nor does anything else in the folder": func(t *testing.T, place string) {
			r := younger(t, place)
			for _, name := range []string{"x", "1", "1-2", "-1-2-x", "0-0-x", "99999999999999999999-1-x", "1-2-" + strings.Repeat("y", 200)} {
				if err := os.WriteFile(filepath.Join(place, folderName, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink("/", filepath.Join(place, folderName, strconv.Itoa(process(t).Process.Pid)+"-1-x")); err != nil {
				t.Fatal(err)
			}
			if got := r.AtWork(time.Now()); got != 0 {
				t.Errorf("got %d", got)
			}
		},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Setenv(environ.Task, "")
			play(t, t.TempDir())
		})
	}
}

func TestMark(t *testing.T) {
	place := t.TempDir()
	r := enter("ours", []string{place})
	path := filepath.Join(place, folderName, r.name)
	at := func() time.Time {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.ModTime()
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode() != fs.ModeDir|fs.ModeSticky|0o777 {
		t.Fatalf("the folder is %v, %v", info.Mode(), err)
	}
	now := time.Now().Add(time.Hour)
	for _, tt := range []struct {
		after time.Duration
		uses  memtools.Bytes
		grows bool
	}{
		{0, 100 * memtools.MB, true},
		{time.Second, 110 * memtools.MB, false},
		{time.Second, 117 * memtools.MB, true},
		{time.Millisecond, 500 * memtools.MB, false}, // too soon
		{time.Second, 500 * memtools.MB, true},
		{time.Second, 100 * memtools.MB, false},
		{time.Second, 117 * memtools.MB, true},
	} {
		now = now.Add(tt.after)
		if r.Uses(now, tt.uses); at().Equal(now) != tt.grows {
			t.Errorf("at %v it uses %v: the mark is of %v", now, tt.uses, at())
		}
	}
	r.Leave()
	if _, err := os.Stat(path); err == nil {
		t.Error("the mark stays")
	}
	r.Uses(now.Add(time.Minute), memtools.GB)
	if r.AtWork(now) != 0 {
		t.Error("it finds others after its end")
	}
}

func TestOldMarksAreRemoved(t *testing.T) {
	place := t.TempDir()
	if folder, err := openFolder(place); err != nil {
		t.Fatal(err)
	} else if err := folder.Close(); err != nil {
		t.Fatal(err)
	}
	file := func(name string, age time.Duration) string {
		path := filepath.Join(place, folderName, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Now().Add(-age), time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	gone, fresh, foreign := file("1-7-x", 2*time.Hour), file("1-8-x", time.Minute), file("notes", 2*time.Hour)
	enter("ours", []string{place}).Leave()
	if _, err := os.Stat(gone); err == nil {
		t.Error("an old mark stays")
	}
	for _, path := range []string{fresh, foreign} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestFolder(t *testing.T) {
	t.Run("a link in its place is not followed", func(t *testing.T) {
		place, elsewhere := t.TempDir(), t.TempDir()
		if err := os.Symlink(elsewhere, filepath.Join(place, folderName)); err != nil {
			t.Fatal(err)
		}
		enter("ours", []string{place})
		if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) > 0 {
			t.Errorf("%v, %v", entries, err)
		}
	})
	t.Run("nor is a file one", func(t *testing.T) {
		place := t.TempDir()
		if err := os.WriteFile(filepath.Join(place, folderName), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if r := enter("ours", []string{place}); len(r.marks) > 0 {
			t.Error("it is used")
		}
	})
}

// TestMemory: only what takes from the memory that is short is in the way.
func TestMemory(t *testing.T) {
	machine := &memory{}
	if !machine.holds(process(t).Process.Pid) {
		t.Error("a process takes nothing from the machine")
	}
	cgroup := &memory{}
	cgroup.Version, cgroup.Path = 2, "/no/such/cgroup"
	if cgroup.holds(process(t).Process.Pid) {
		t.Error("a process is in a cgroup that does not exist")
	}
	if shortest() == nil {
		t.Error("no memory is the shortest")
	}
}
