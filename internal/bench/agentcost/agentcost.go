// Package agentcost measures what the agent in a Node process costs that process.
package agentcost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/bench/stats"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// NodePrograms returns the versions of Node that the tests of v8heap installed,
// or the one in PATH.
func NodePrograms() ([]string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(cache, "heapmage-test", "node*", "node_modules", "node-*", "bin", "node"))
	if err != nil || len(found) > 0 {
		return found, err
	}
	return []string{"node"}, nil
}

// spent is what a process took.
type spent struct{ wall, cpu time.Duration }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func processorTime(c *exec.Cmd) time.Duration {
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}

// InProcess measures what the agent costs a process that does nothing.
func InProcess(ctx context.Context, server *v8heap.Server, program string) error {
	version, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return err
	}
	const pairs = 40
	var wall, cpu [2][]time.Duration
	for i := range pairs + 1 { // the first pair does not count
		var both [2]spent
		for turn := range 2 {
			loaded := (turn + i) % 2
			if both[loaded], err = emptyNode(ctx, server, program, loaded == 1); err != nil {
				return err
			}
		}
		for loaded, s := range both {
			if i > 0 {
				wall[loaded], cpu[loaded] = append(wall[loaded], s.wall), append(cpu[loaded], s.cpu)
			}
		}
	}
	idle, err := idleNodes(ctx, server, program)
	if err != nil {
		return err
	}
	fmt.Printf("Node %s, an empty process, %d pairs:\n", strings.TrimSpace(string(version)), pairs)
	for _, r := range []struct {
		what  string
		times [2][]time.Duration
	}{{"wall time", wall}, {"processor time", cpu}} {
		more := make([]float64, pairs)
		for i := range more {
			more[i] = ms(r.times[1][i] - r.times[0][i])
		}
		mid, low, high := stats.SignedRank(more)
		fmt.Printf("  %-21s %.1f ms without; the agent costs %.1f ms (95%% interval %.1f to %.1f)\n", r.what, ms(stats.Median(r.times[0])), mid, low, high)
	}
	fmt.Printf("  %-21s %v without; the agent costs %v\n", "memory when it is up", idle[0].start, idle[1].start-idle[0].start)
	fmt.Printf("  %-21s %v without; the agent costs %v\n", "memory 4 s later", idle[0].rest, idle[1].rest-idle[0].rest)
	fmt.Printf("  %-21s %.1f ms without; the agent costs %.1f ms\n\n", "processor time then", ms(idle[0].cpu), ms(idle[1].cpu-idle[0].cpu))
	return nil
}

// node returns a Node process, with the agent or without.
func node(ctx context.Context, server *v8heap.Server, program string, loaded bool, script string) *exec.Cmd {
	c := exec.CommandContext(ctx, program, "-e", script)
	c.Env = append(os.Environ(), environ.NodeOptions+"=")
	if loaded {
		c.Env = append(c.Env, environ.NodeOptions+"="+strings.Join(server.Options(), " "))
		c.Env = append(c.Env, server.Env()...)
	}
	return c
}

// emptyNode runs an empty program to its end.
func emptyNode(ctx context.Context, server *v8heap.Server, program string, loaded bool) (spent, error) {
	c := node(ctx, server, program, loaded, "")
	start := time.Now()
	if err := c.Run(); err != nil {
		return spent{}, err
	}
	return spent{wall: time.Since(start), cpu: processorTime(c)}, nil
}

// held is what an idle process holds.
type held struct {
	start memtools.Bytes // when it and the agent are up
	rest  memtools.Bytes // when the agent has returned what it does not need
	cpu   time.Duration  // until then
}

// idleNodes starts Node processes that wait for the end of their input, without
// the agent (0) and with it (1) in turn, and returns what they hold on average.
func idleNodes(ctx context.Context, server *v8heap.Server, program string) (mean [2]held, err error) {
	tracker, err := memtools.NewTracker()
	if err != nil {
		return mean, err
	}
	defer tracker.Close()
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	const each = 5
	var processes [2 * each]*exec.Cmd
	var ends []func()
	endAll := sync.OnceFunc(func() {
		for _, end := range ends {
			end()
		}
	})
	defer endAll()
	for i := range processes {
		c := node(ctx, server, program, i%2 == 1, "console.log('up'); process.stdin.resume()")
		end, err := startIdle(c)
		if err != nil {
			return mean, err
		}
		processes[i], ends = c, append(ends, end)
		tracker.TrackOne(fmt.Sprint(i), c.Process.Pid)
		for i%2 == 1 && !connected(server, c.Process.Pid) { // the agent is up a little later
			if ctx.Err() != nil {
				return mean, errors.New("the agent has not connected")
			}
			time.Sleep(time.Millisecond)
		}
	}
	for _, after := range []time.Duration{50 * time.Millisecond, 4 * time.Second} {
		time.Sleep(after)
		s, err := tracker.Sample()
		if err != nil {
			return mean, err
		}
		for i := range processes {
			used := s.Trees[fmt.Sprint(i)].Usage / each
			if after < time.Second {
				mean[i%2].start += used
			} else {
				mean[i%2].rest += used
			}
		}
	}
	endAll()
	for i, c := range processes {
		mean[i%2].cpu += processorTime(c) / each
	}
	return mean, nil
}

// startIdle starts a program and waits for its first output. end closes its input
// and waits for its exit.
func startIdle(c *exec.Cmd) (end func(), err error) {
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	end = func() { _, _ = in.Close(), c.Wait() } // it is measured: how it ends does not matter
	if _, err := io.ReadFull(out, make([]byte, 3)); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

func connected(server *v8heap.Server, pid int) bool {
	return slices.ContainsFunc(server.Processes(), func(p v8heap.Process) bool { return p.PID == pid })
}
