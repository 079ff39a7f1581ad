//go:build unix

package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/memtools"
)

// TestEndRun kills a program and its reaper at the same moment.
func TestEndRun(t *testing.T) {
	run, other := NewRunID(), NewRunID()
	c, out, ended := launch(t, "heapmage", "PROC_TEST_RUN="+run, "PROC_TEST_FOLDER="+t.TempDir())
	reaper := 0
	for range 3 { // by then all of its commands run
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if reaper, err = strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "reaper"))); err != nil {
			t.Fatal(err)
		}
	}
	p, err := proctable.Lookup(c.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	namespace, _ := os.Readlink("/proc/self/ns/pid")
	owner := func(pid int, start uint64, namespace string) string {
		return fmt.Sprintf(identity, pid, start, namespace)
	}
	lives := owner(p.PID, p.Start, namespace)
	bystander := start(t, Command{Args: []string{"sleep", "100"}, ID: other + "/core#build"})

	if EndRun(run, lives) || !alive(p.PID) {
		t.Error("it ends a run that lasts")
	}
	// Stopped, the program cannot start another reaper.
	if err := syscall.Kill(p.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is stopped", func() bool { return strings.HasPrefix(state(t, p.PID), "T") })
	for _, pid := range []int{reaper, p.PID} {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.Wait()
	if left := leftOf(t, run); len(left) == 0 {
		t.Fatal("nothing is left that could be ended")
	}
	for claim, text := range map[string]string{
		"an owner in another namespace": owner(p.PID, p.Start, namespace+"x"),
		"no owner":                      "",
		"a broken owner":                "1 2",
		"a negative owner":              owner(-1, 1, namespace),
		"one that lives":                Self(),
	} {
		if EndRun(run, text) || len(leftOf(t, run)) == 0 {
			t.Errorf("%s: it ends the run", claim)
		}
	}
	t.Setenv(memtools.MarkerEnv, run+"/core#build")
	if EndRun(run, lives) {
		t.Error("it ends the run that it is a part of")
	}
	t.Setenv(memtools.MarkerEnv, "")
	if !EndRun(run, lives) {
		t.Errorf("left: %v", leftOf(t, run))
	}
	allEnded(t, ended, run, "after EndRun")
	if !EndRun(run, lives) {
		t.Error("there is nothing, and yet something is left")
	}
	if !alive(bystander.PID()) {
		t.Error("it ends another run")
	}
	bystander.Kill()
	end(t, bystander)
}
