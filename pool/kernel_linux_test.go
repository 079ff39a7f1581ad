package pool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/heapmage/heapmage/internal/cgrouptest"
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
	group := cgrouptest.New(t, 200<<20)
	text := `process.on('message', ({type}) => {
		const all = [];
		for (let n = 0; type === 'swallow'; n++) all.push(Buffer.alloc(1048576, 1));
		process.send(type);
	})`
	command := group.Command(os.Args[0])
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), smallWorldEnv+"="+script(t, "w.cjs", text))
	out, err := cmd.CombinedOutput()
	if want := fmt.Sprintf("SIGKILL %s \"small\"\n", oom.KernelOOM); err != nil || string(out) != want {
		t.Errorf("got %s %v, want %s", out, err, want)
	}
}
