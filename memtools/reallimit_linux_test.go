package memtools

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRealLimit runs a helper in its own cgroup, and lets the kernel kill
// another one there.
func TestRealLimit(t *testing.T) {
	dir := realCgroup(t, 256*MB)
	run := func(helper string) ([]byte, error) {
		cmd := exec.Command("sh", "-c", `echo $$ > "$1/cgroup.procs" && exec "$2"`, "sh", dir, os.Args[0])
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
		if l.Effective != 256*MB || !strings.HasPrefix(l.EffectiveSource, "cgroup v") || !strings.HasSuffix(l.EffectiveSource, filepath.Base(dir)) {
			t.Errorf("%v of %q", l.Effective, l.EffectiveSource)
		}
		if l.Available < 100*MB || l.Available > 256*MB || l.Machine < l.Effective {
			t.Errorf("%+v", l)
		}
		if got.Stats.Limit <= 100*MB || got.Stats.Limit > 300*MB {
			t.Errorf("without GOMEMLIMIT the process's own limit is %v", got.Stats.Limit)
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

// realCgroup makes a cgroup with a memory limit below this process's own.
func realCgroup(t *testing.T, limit Bytes) string {
	t.Helper()
	cannot := func(why string, err error) {
		t.Helper()
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s: %v", why, err)
		}
		t.Skipf("%s: %v", why, err)
	}
	found, err := thisHost.cgroups()
	if err != nil {
		t.Fatal(err)
	}
	if len(found.memory) == 0 {
		cannot("there is no memory controller", errors.ErrUnsupported)
	}
	own := found.memory[0]
	file, parent := "memory.limit_in_bytes", own.Dir
	if own.Version == 2 {
		file, parent = "memory.max", filepath.Dir(own.Dir) // a v2 cgroup with processes has no children with limits
	}
	dir := filepath.Join(parent, fmt.Sprintf("memtools-test-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		cannot("a cgroup cannot be made (root can)", err)
	}
	t.Cleanup(func() {
		eventually(t, "the cgroup is empty", func() bool { return syscall.Rmdir(dir) == nil })
	})
	if err := os.WriteFile(filepath.Join(dir, file), fmt.Append(nil, int64(limit)), 0o644); err != nil {
		cannot("a memory limit cannot be set", err)
	}
	// Without swap, or what passes the limit is swapped out instead of killed.
	for name, value := range map[string]string{"memory.swap.max": "0", "memory.swappiness": "0"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			_ = os.WriteFile(filepath.Join(dir, name), []byte(value), 0o644)
		}
	}
	return dir
}
