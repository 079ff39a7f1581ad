//go:build amd64 || arm64

package observe

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// pidOf waits for a file with a process id.
func pidOf(t *testing.T, file string) int {
	t.Helper()
	for range 1000 {
		if text, err := os.ReadFile(file); err == nil && strings.HasSuffix(string(text), "\n") {
			if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
				return n
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no " + file)
	return 0
}

// keeperOf is the process id of our keeper: the one in its own session.
func keeperOf(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	newest := 0 // that of an earlier test may not have ended yet
	for _, e := range all {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		status, _ := os.ReadFile("/proc/" + e.Name() + "/status")
		line, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())) && strings.HasPrefix(string(line), keeperName) {
			newest = max(newest, pid)
		}
	}
	if newest == 0 {
		t.Fatal("no keeper")
	}
	return newest
}

// launch starts a command, observed, without waiting for it.
func launch(t *testing.T, o *Observer, dir, script string) (*Watch, *exec.Cmd) {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	w, program, words, err := o.Command(sh, []string{"sh", "-c", script}, 3)
	if err != nil {
		t.Fatal(err)
	}
	c := &exec.Cmd{Path: program, Args: words, Dir: dir, ExtraFiles: []*os.File{w.File()}}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.Started()
	t.Cleanup(func() { _ = c.Process.Kill() })
	return w, c
}

// ends fails the test if a command does not end in time.
func ends(t *testing.T, c *exec.Cmd) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it hangs")
	}
}

const busy = "echo $$ >pid; for i in $(seq 300); do cat in >/dev/null; done; echo done >end"

// TestKeeperKilled: commands go on, the observation fails, and the next command is observed.
func TestKeeperKilled(t *testing.T) {
	o := &Observer{}
	t.Cleanup(o.Close)
	for range 3 {
		dirs := []string{stage(t), stage(t)}
		w1, c1 := launch(t, o, dirs[0], busy)
		w2, c2 := launch(t, o, dirs[1], busy)
		for _, dir := range dirs { // a command that the keeper has not met yet could not start
			pidOf(t, filepath.Join(dir, "pid"))
		}
		if err := syscall.Kill(keeperOf(t), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		ends(t, c1)
		ends(t, c2)
		for _, w := range []*Watch{w1, w2} {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			got, err := w.Finish(ctx)
			cancel()
			if err == nil && len(got.Incomplete) == 0 {
				t.Error("the observation counts as complete")
			}
		}
		if got := act(t, o, dirs[0], "dirfd"); !got.Files[filepath.Join(dirs[0], "sub/deep")].Read {
			t.Error("the next command is not observed")
		}
	}
}

// TestKeeperKilledLater: so it is if a slot was used before by what still lives.
func TestKeeperKilledLater(t *testing.T) {
	o := &Observer{}
	t.Cleanup(o.Close)
	dir := stage(t)
	if _, out, err := watch(t, o, dir, "sh", "-c", "(while [ -e in ]; do :; done) >/dev/null 2>&1 & echo $! >daemon"); err != nil {
		t.Fatal(out, err)
	}
	w, c := launch(t, o, dir, busy)
	pidOf(t, filepath.Join(dir, "pid"))
	_ = syscall.Kill(keeperOf(t), syscall.SIGKILL)
	ends(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := w.Finish(ctx); err == nil {
		t.Error("the observation counts as complete")
	}
	_ = syscall.Kill(pidOf(t, filepath.Join(dir, "daemon")), syscall.SIGKILL)
}

// TestStopped: a child is stopped and goes on, with calls that wait.
func TestStopped(t *testing.T) {
	o := &Observer{}
	t.Cleanup(o.Close)
	dir := stage(t)
	w, c := launch(t, o, dir, busy)
	pid := pidOf(t, filepath.Join(dir, "pid"))
	for range 50 {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
		time.Sleep(time.Millisecond)
		_ = syscall.Kill(pid, syscall.SIGCONT)
		time.Sleep(time.Millisecond)
	}
	ends(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	got, err := w.Finish(ctx)
	if err != nil || len(got.Incomplete) > 0 || !got.Files[filepath.Join(dir, "in")].Read {
		t.Errorf("%v, %q", err, got.Incomplete)
	}
}

// TestMany: many commands at once, each with many processes that only fork.
func TestMany(t *testing.T) {
	o := &Observer{}
	t.Cleanup(o.Close)
	dir := stage(t)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			got, out, err := watch(t, o, dir, "sh", "-c", fmt.Sprintf("for k in 1 2 3 4 5; do ( read x <in; echo 1 >out%d-$k ) & done; wait", i))
			if err != nil || len(got.Incomplete) > 0 {
				t.Errorf("%v %q %s", err, got.Incomplete, out)
			}
			for k := 1; k <= 5; k++ {
				if !got.Files[filepath.Join(dir, fmt.Sprintf("out%d-%d", i, k))].Written {
					t.Errorf("out%d-%d is not seen", i, k)
				}
			}
		})
	}
	all.Wait()
}

// TestParentStopsOrDies: a keeper answers while the process that began it is stopped, and
// after its death, and ends with the last process.
func TestParentStopsOrDies(t *testing.T) {
	if os.Getenv("OBSERVE_TEST_PARENT") != "" {
		o := &Observer{}
		_, c := launch(t, o, ".", os.Getenv("OBSERVE_TEST_PARENT"))
		_ = os.WriteFile("keeper", []byte(strconv.Itoa(keeperOf(t))+"\n"), 0o644)
		_ = c.Wait()
		time.Sleep(time.Minute)
		return
	}
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		dir := stage(t)
		parent := exec.Command("/proc/self/exe", "-test.run=TestParentStopsOrDies")
		parent.Dir = dir
		parent.Env = append(os.Environ(), "OBSERVE_TEST_PARENT=echo 1 >begun; while ! [ -e go ]; do sleep 0.01; done; for i in $(seq 50); do cat in >/dev/null; done; echo 1 >end")
		if err := parent.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = parent.Process.Kill(); _ = parent.Wait() })
		keeper := pidOf(t, filepath.Join(dir, "keeper"))
		pidOf(t, filepath.Join(dir, "begun"))
		if err := parent.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if signal == syscall.SIGKILL {
			_ = parent.Wait()
		}
		if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		pidOf(t, filepath.Join(dir, "end"))
		if signal == syscall.SIGKILL {
			gone := false
			for range 500 {
				status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", keeper))
				if gone = err != nil || strings.Contains(string(status), "State:\tZ"); gone {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if !gone {
				t.Error("the keeper stays")
			}
		}
	}
}
