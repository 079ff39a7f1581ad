package memtools

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/cgrouptest"
)

// TestRealLimit runs a helper in its own cgroup, and lets the kernel kill
// another one there.
func TestRealLimit(t *testing.T) {
	group := cgrouptest.New(t, int64(256*MB))
	run := func(helper string) ([]byte, error) {
		command := group.Command(os.Args[0])
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Env = append(os.Environ(), helperEnv+"="+helper, "GOMEMLIMIT=off", "GOMAXPROCS=1")
		return cmd.Output()
	}
	out, err := run("limits")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Limits Limits
		OOM    OOMCounts
		Stats  Usage
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Run("is found", func(t *testing.T) {
		l := got.Limits
		if l.Effective != 256*MB || !strings.HasPrefix(l.EffectiveSource, "cgroup v") || !strings.HasSuffix(l.EffectiveSource, filepath.Base(group.Dir)) {
			t.Errorf("%v of %q", l.Effective, l.EffectiveSource)
		}
		if l.Available < 100*MB || l.Available > 256*MB || l.Machine < l.Effective {
			t.Errorf("%+v", l)
		}
		if got.Stats.Limit <= 100*MB || got.Stats.Limit > 300*MB {
			t.Errorf("without GOMEMLIMIT the process's own limit is %v", got.Stats.Limit)
		}
	})
	t.Run("is found from a cgroup namespace with the mount from outside", func(t *testing.T) {
		out, err := run("namespace")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &got); err != nil || got.Limits.Effective != 256*MB {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("kills, and the counters prove it", func(t *testing.T) {
		out, err := run("eat")
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("it ended with %v: %s", err, out)
		}
		out, err = run("limits")
		if err != nil {
			t.Fatal(err)
		}
		before := got.OOM
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		grown := got.OOM.Since(before)
		if grown.Cgroup != (Counter{Value: 1, Known: true}) || !grown.Host.Known || grown.Host.Value < 1 {
			t.Errorf("the counts grew by %+v", grown)
		}
	})
}

func init() {
	helpers["limits"] = func() {
		limits, err := ReadLimits()
		if err != nil {
			panic(err)
		}
		oom, err := OOMKills()
		if err != nil {
			panic(err)
		}
		_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"Limits": limits, "OOM": oom, "Stats": Stats()})
	}
	helpers["namespace"] = func() {
		runtime.LockOSThread() // a namespace is a thread's, until exec
		if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
			panic(err)
		}
		if err := os.Setenv(helperEnv, "limits"); err != nil {
			panic(err)
		}
		panic(unix.Exec("/proc/self/exe", os.Args, os.Environ()))
	}
	helpers["eat"] = func() {
		for all := [][]byte{}; ; {
			all = append(all, touched(16*MB))
			if len(all) > 64 {
				fmt.Println("1 GB is held: there is no limit")
				os.Exit(1)
			}
		}
	}
}
