package pool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/memtools/oom"
	"github.com/heapmage/heapmage/pool"
)

// smallWorldEnv makes the test binary a program with a pool, in a cgroup whose
// memory is short. It holds the path of the worker script.
const smallWorldEnv = "POOL_TEST_SMALL_WORLD"

func init() {
	inSmallWorld = func() bool {
		script := os.Getenv(smallWorldEnv)
		if script == "" {
			return false
		}
		err := smallWorld(script)
		proc.Shutdown()
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return true
	}
}

func smallWorld(script string) error {
	p, err := pool.New(pool.NodeScript(script), pool.Options{MaxWorkers: 2})
	if err != nil {
		return err
	}
	defer func() { _ = p.Shutdown(context.Background()) }()
	_, err = p.Exec(context.Background(), pool.Task{Type: "swallow"})
	var crash *pool.CrashError
	if !errors.As(err, &crash) {
		return fmt.Errorf("no crash: %w", err)
	}
	r, err := p.Exec(context.Background(), pool.Task{Type: "small"})
	fmt.Printf("%s %s %s\n", crash.Signal, crash.Verdict.Cause, r.Value)
	return err
}

func TestKernelTakesTheWorkerAndNotUs(t *testing.T) {
	need(t, "node")
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	// This needs a controller of version 1, and the right to make a group. With
	// version 2 the path depends on what manages the tree.
	group := ""
	for line := range strings.Lines(string(own)) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 && f[1] == "memory" {
			group = filepath.Join("/sys/fs/cgroup/memory", f[2], fmt.Sprintf("heapmage-pool-test-%d", os.Getpid()))
		}
	}
	if group == "" || os.Mkdir(group, 0o755) != nil {
		const why = "no memory cgroup of version 1 may be made here"
		if os.Getenv("CI") != "" && os.Getuid() == 0 {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	defer func() {
		if err := os.Remove(group); err != nil {
			t.Error(err)
		}
	}()
	if err := os.WriteFile(filepath.Join(group, "memory.limit_in_bytes"), []byte("200M"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := `process.on('message', ({type}) => {
		const all = [];
		for (let n = 0; type === 'swallow'; n++) all.push(Buffer.alloc(1048576, 1));
		process.send(type);
	})`
	cmd := exec.Command("sh", "-c", `echo $$ > "$1/cgroup.procs" && exec "$2"`, "sh", group, os.Args[0])
	cmd.Env = append(os.Environ(), smallWorldEnv+"="+script(t, "w.cjs", text))
	out, err := cmd.CombinedOutput()
	if want := fmt.Sprintf("SIGKILL %s \"small\"\n", oom.KernelOOM); err != nil || string(out) != want {
		t.Errorf("got %s %v, want %s", out, err, want)
	}
}
