package shim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/admission/frame"
	"github.com/heapmage/heapmage/internal/environ"
)

// marked returns the processes that have a mark in their environment, but zombies.
func marked(mark string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(env, []byte(mark)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && !ended(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestKillsAtRandomMoments: whoever is killed when, nothing hangs, and nothing stays that a
// shell would not have left.
func TestKillsAtRandomMoments(t *testing.T) {
	n := uint64(100)
	if testing.Short() {
		n = 20
	}
	for seed := range n {
		r := rand.New(rand.NewPCG(seed, 1))
		victim := []string{"shim", "guard", "runner", "group", "script"}[r.IntN(5)]
		text := []string{"cat", "cat; cat", "cat | cat", "cat & wait; exit 3", "exec cat"}[r.IntN(5)]
		delay := time.Duration(r.IntN(60)) * time.Millisecond
		t.Run(fmt.Sprintf("%d: %s, %s, %v", seed, victim, text, delay), func(t *testing.T) {
			guard := exec.Command(self(t))
			guard.Env = append(os.Environ(), modeEnv+"=guard")
			said := start(t, guard)
			said.await("\n")
			folder := strings.TrimSpace(strings.TrimPrefix(said.String(), "folder "))
			t.Cleanup(func() { _ = os.RemoveAll(folder) })

			c := (*testGuard)(nil).runner(t, "echo script $$; "+text)
			mark := fmt.Sprintf("SHIM_CHAOS=%d.%d", os.Getpid(), seed)
			c.Env = append(prepend(c.Env, environ.Path, folder+":"), mark)
			in, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out := start(t, c)
			done := make(chan struct{})
			go func() {
				_ = c.Wait()
				close(done)
			}()
			time.Sleep(delay) // the moment is to be any
			_, rest, _ := strings.Cut(out.String(), "shell ")
			shell := 0
			_, _ = fmt.Sscan(rest, &shell)
			script := childOf(shell)
			switch {
			case victim == "guard":
				_ = guard.Process.Kill()
				_ = guard.Wait()
				_ = os.Remove(filepath.Join(folder, frame.SocketName)) // or not: both are refused
			case victim == "runner":
				_ = c.Process.Kill()
			case victim == "group":
				_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
			case victim == "shim" && shell > 1:
				_ = syscall.Kill(shell, syscall.SIGKILL)
			case victim == "script" && shell > 1 && script > 1:
				_ = syscall.Kill(script, syscall.SIGKILL)
			}
			if victim == "group" { // nothing of it may stay, although its input is open
				eventually(t, "the group ends", func() bool { return len(marked(mark)) == 0 })
			}
			_ = in.Close()
			eventually(t, "all end with their input", func() bool { return len(marked(mark)) == 0 })
			select {
			case <-done:
			case <-time.After(hang):
				t.Fatal("somebody holds the output:", out)
			}
			if victim == "guard" && !strings.Contains(out.String(), "status exit ") {
				t.Errorf("the script has not ended in its own way: %s", out)
			}
		})
	}
}
