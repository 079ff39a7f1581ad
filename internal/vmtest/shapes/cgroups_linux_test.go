package shapes

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/bench/record"
	"github.com/heapmage/heapmage/internal/cgrouptest"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/testkit"
)

// TestTaskCgroups builds where tasks may get cgroups of their own, and where they may not.
// In either case the cgroups are afterwards as they were, and no other process is moved.
func TestTaskCgroups(t *testing.T) {
	for _, tt := range []struct {
		claim   string
		make    func(t *testing.T) (top, own *cgrouptest.Group)
		others  bool // share the cgroup of the build
		options string
		in      string // top or own; else a part of the reason why there are none
	}{
		{"root alone", func(t *testing.T) (top, own *cgrouptest.Group) {
			own = group(t, 300*mb)
			return own, own
		}, false, "", "own"},
		{"a privileged container", func(t *testing.T) (top, own *cgrouptest.Group) {
			own = group(t, 300*mb)
			return own, own
		}, false, "namespace", "own"},
		{"a delegated scope", func(t *testing.T) (top, own *cgrouptest.Group) {
			own = group(t, 300*mb)
			delegate(t, own.Dir)
			return own, own
		}, false, "user", "own"},
		{"not if others share the cgroup", func(t *testing.T) (top, own *cgrouptest.Group) {
			own = group(t, 300*mb)
			return own, own
		}, true, "", "holds others"},
		{"beside others, in a cgroup that is handed down", beside, true, "", "top"},
		{"not beside a limit", func(t *testing.T) (top, own *cgrouptest.Group) {
			top, own = beside(t)
			own.Set("memory.max", "300M")
			return top, own
		}, true, "", "holds others"},
		{"not in what systemd manages", func(t *testing.T) (top, own *cgrouptest.Group) {
			systemd(t)
			return beside(t)
		}, true, "", "holds others"},
		{"in what systemd has delegated", func(t *testing.T) (top, own *cgrouptest.Group) {
			systemd(t)
			top, own = beside(t)
			if err := unix.Setxattr(top.Dir, "trusted.delegate", []byte("1"), 0); err != nil {
				t.Fatal(err)
			}
			return top, own
		}, true, "", "top"},
		{"not in a read-only container", func(t *testing.T) (top, own *cgrouptest.Group) {
			own = group(t, 300*mb)
			return own, own
		}, false, "namespace,read-only", "read-only file system"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			top, own := tt.make(t)
			var other *exec.Cmd
			if tt.others {
				command := own.Command("sleep", "1000")
				other = exec.Command(command[0], command[1:]...)
				if err := other.Start(); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
				waitFor(t, "another process", func() bool { return own.Read("cgroup.procs") != "" })
			}
			before := state(t, top.Dir)
			scripts := map[string]string{"a": "grow 20 100"}
			root := workspace(t, scripts)
			give(t, root)
			run(t, root, entering(own, tt.options, "build")...).wants(t, 0, `1 task succeeded`)
			whole(t, root, scripts)
			if after := state(t, top.Dir); after != before {
				t.Errorf("the cgroups were\n%s\nand are\n%s", before, after)
			}
			made := cgroupsOf(t, root)
			folders := map[string]string{"top": top.Dir, "own": own.Dir}
			if strings.Contains(tt.options, "namespace") {
				folders["own"] = mountPoint
			}
			if folder := folders[tt.in]; folder != "" && filepath.Dir(made.Folder) != folder || folder == "" && !strings.Contains(made.Reason, tt.in) {
				t.Errorf("got %+v", made)
			}
		})
	}
}

// beside makes a cgroup without limits in another one that hands memory down.
func beside(t *testing.T) (top, own *cgrouptest.Group) {
	top = group(t, 300*mb)
	own = top.Below("own.scope", 0)
	own.Set("memory.swap.max", "max")
	return top, own
}

// delegate hands a cgroup to the user of the option user.
func delegate(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} {
		if err := os.Chown(filepath.Join(dir, name), 1000, 1000); err != nil {
			t.Fatal(err)
		}
	}
}

// systemd lets this look like a machine that systemd manages.
func systemd(t *testing.T) {
	t.Helper()
	const booted = "/run/systemd/system"
	if _, err := os.Stat(booted); err == nil {
		return
	}
	if err := os.MkdirAll(booted, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(booted) })
}

// state is which cgroups there are below a folder, with their processes and what they
// hand down.
func state(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if removed(err) {
			return nil
		}
		if err != nil || !d.IsDir() {
			return err
		}
		b.WriteString(path)
		for _, file := range []string{"cgroup.procs", "cgroup.subtree_control"} {
			text, err := os.ReadFile(filepath.Join(path, file))
			if removed(err) {
				return nil
			}
			if err != nil {
				return err
			}
			b.WriteString(" [" + strings.Join(strings.Fields(string(text)), " ") + "]")
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// removed reports whether a cgroup was removed meanwhile: before its file was opened, or after.
func removed(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV)
}

// cgroupsOf returns what the record of the only run tells of its cgroups.
func cgroupsOf(t *testing.T, root string) (found event.Cgroups) {
	t.Helper()
	events, err := record.Only(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range events {
		if e, ok := one.Event.(event.Cgroups); ok {
			found = e
		}
	}
	return found
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no end of the wait for ", what)
		}
	}
}

// TestKilledWithCgroups kills heapmage while its tasks have cgroups, alone and together with
// its reaper. The second time, the next build in that workspace ends what is left.
func TestKilledWithCgroups(t *testing.T) {
	for _, both := range []bool{false, true} {
		t.Run("and its reaper "+strconv.FormatBool(both), func(t *testing.T) {
			top, own := beside(t)
			if !both {
				top.Set("memory.max", "max")
				own = group(t, 300*mb)
				top = own
			}
			root := workspace(t, map[string]string{"a": "grow 50 20000"})
			before := state(t, top.Dir)
			c := exec.Command(entering(own, "")[0], entering(own, "", "build")[1:]...)
			c.Dir = root
			if both {
				c = exec.Command("sh", append([]string{"-c", `echo $$ >"$0"; "$@"; :`, own.Procs(), heapmage}, "build")...)
				c.Dir = root
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "a task in its cgroup", func() bool { return strings.Count(state(t, top.Dir), "heapmage-") > 1 && len(running(t, top.Dir)) > 0 })
			killed := strings.Fields(own.Read("cgroup.procs"))
			if !both {
				killed = []string{strconv.Itoa(c.Process.Pid)}
			}
			for _, pid := range killed {
				n, err := strconv.Atoi(pid)
				if err != nil {
					t.Fatal(err)
				}
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
			_ = c.Wait()
			if both {
				scripts := map[string]string{"a": "rm -rf dist; grow 20 100"}
				rewrite(t, root, scripts)
				run(t, root, entering(own, "", "build")...).wants(t, 0)
			}
			waitFor(t, "the end of the cgroups", func() bool { return state(t, top.Dir) == before })
		})
	}
}

// running are the processes in the cgroups of tasks.
func running(t *testing.T, dir string) (pids []string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "heapmage-*/*/cgroup.procs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range found {
		text, _ := os.ReadFile(file) // it may be gone meanwhile
		pids = append(pids, strings.Fields(string(text))...)
	}
	return pids
}

// TestKillOfOneOfTwo has the kernel kill one task while another, that runs beside it, is
// killed by someone else.
func TestKillOfOneOfTwo(t *testing.T) {
	g := group(t, 300*mb)
	root := workspace(t, map[string]string{"a": unprotected, "b": `sleep 4; kill -9 $$`})
	run(t, root, g.Command(heapmage, "build")...).wants(t, 4, `a failed after .*: killed by the kernel, out of memory`)
	causes := map[string][]string{}
	events, err := record.Only(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range events {
		if e, ok := one.Event.(event.TaskFinished); ok {
			causes[e.Label] = append(causes[e.Label], e.Cause)
		}
	}
	if !slices.Equal(causes["b"], []string{"killed"}) || causes["a"][0] != "kernel-oom" {
		t.Errorf("the causes: %v", causes)
	}
}

// TestBurst has the younger of two tasks take more than there is while heapmage does not
// look. The kernel slows it down until heapmage does, and it runs again.
func TestBurst(t *testing.T) {
	g := group(t, 400*mb)
	scripts := map[string]string{
		"a": `dd if=/dev/zero of=/dev/shm/burst bs=1M count=150 && touch ../full && sleep 12 && rm /dev/shm/burst`,
		"b": `if mkdir ../once; then until [ -e ../full ]; do sleep 0.1; done; sleep 1; (sleep 6; kill -CONT $PPID) & kill -STOP $PPID; fi; grow 250 0`,
		"c": `true`,
	}
	root := workspace(t, scripts)
	text, err := json.Marshal(map[string]any{"name": "b", "dependencies": map[string]string{"c": "*"}, "scripts": map[string]string{"build": scripts["b"]}})
	if err != nil {
		t.Fatal(err)
	}
	testkit.Write(t, root, "packages/b/package.json", string(text)) // so it begins after a
	run(t, root, g.Command(heapmage, "build")...).wants(t, 0, `3 tasks succeeded`)
	whole(t, root, map[string]string{"b": ""})
	if g.Kills() != 0 {
		t.Errorf("the kernel killed %d processes", g.Kills())
	}
}

// TestExactUsage compares what the kernel counts in the cgroup of a task with what is seen
// of its processes.
func TestExactUsage(t *testing.T) {
	for _, tt := range []struct {
		claim, script string
		from, to      int64 // MB
	}{
		{"memory for a moment", "grow 100 0", 100, 115},
		{"a file that is closed at once", "dd if=/dev/zero of=/dev/shm/$$ bs=1M count=60 && sleep 1 && rm /dev/shm/$$", 60, 65},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			g := group(t, 300*mb)
			peaks := map[string]int64{}
			for _, with := range []string{"true", "false"} {
				root := workspace(t, map[string]string{"a": tt.script, "b": "sleep 2"})
				t.Setenv("HEAPMAGE_CGROUPS", with)
				run(t, root, g.Command(heapmage, "build")...).wants(t, 0)
				peaks[with] = peakOf(t, root, "a")
			}
			t.Logf("peak %.1f MB by its cgroup, %.1f MB by its processes", float64(peaks["true"])/mb, float64(peaks["false"])/mb)
			if peaks["true"] < tt.from*mb || peaks["true"] > tt.to*mb {
				t.Errorf("%d MB by its cgroup, want %d to %d", peaks["true"]/mb, tt.from, tt.to)
			}
		})
	}
}
