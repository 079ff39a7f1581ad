package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// agent says what the agent in Node processes costs: one that does nothing, and
// the whole build of the example.
func agent(ctx context.Context, pairs int) error {
	server, err := v8heap.Listen("")
	if err != nil {
		return err
	}
	defer server.Close()
	var with, without []time.Duration
	var cpu [2]time.Duration
	var memory [2]memtools.Bytes
	const processes = 20
	for i := range processes + 1 { // the first pair does not count
		var both [2]time.Duration
		for turn := range 2 {
			loaded := (turn + i) % 2
			took, busy, err := emptyNode(ctx, server, loaded == 1)
			if err != nil {
				return err
			}
			used, err := idleNode(ctx, server, loaded == 1)
			if err != nil {
				return err
			}
			both[loaded] = took
			if i > 0 {
				cpu[loaded] += busy / processes
				memory[loaded] += used / processes
			}
		}
		if i > 0 {
			without, with = append(without, both[0]), append(with, both[1])
		}
	}
	fmt.Printf("an empty Node process: without   median %.1f ms, mean %.1f ms of processor time, mean %v\n", ms(median(without)), ms(cpu[0]), memory[0])
	fmt.Printf("                       with      median %.1f ms, mean %.1f ms of processor time, mean %v\n", ms(median(with)), ms(cpu[1]), memory[1])
	fmt.Printf("the agent costs %.1f ms, %.1f ms of processor time and %v; ratio of the times %v\n\n",
		ms(median(with)-median(without)), ms(cpu[1]-cpu[0]), memory[1]-memory[0], ratioOf(with, without))

	dir, err := os.MkdirTemp("", "heapmage-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	example, binary, err := installedExample(ctx, dir)
	if err != nil {
		return err
	}
	with, without = nil, nil
	for i := range pairs + 1 {
		var both [2]time.Duration
		for turn := range 2 {
			loaded := (turn + i) % 2
			// Without what was learned, so that every process gets the agent.
			if err := os.RemoveAll(filepath.Join(example, ".heapmage")); err != nil {
				return err
			}
			if both[loaded], _, err = timed(ctx, example, "env", fmt.Sprintf("HEAPMAGE_GC_AUTO=%v", loaded == 1), binary, "build:managed"); err != nil {
				return err
			}
		}
		if i > 0 {
			without, with = append(without, both[0]), append(with, both[1])
			fmt.Printf("pair %d: build without %.2fs, with the agent %.2fs\n", i, both[0].Seconds(), both[1].Seconds())
		}
	}
	fmt.Printf("\nbuild with the agent / without: %v\n", ratioOf(with, without))
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// node is a Node process, with the agent or without.
func node(ctx context.Context, server *v8heap.Server, loaded bool, program string) *exec.Cmd {
	c := exec.CommandContext(ctx, "node", "-e", program)
	c.Env = append(os.Environ(), "NODE_OPTIONS=")
	if loaded {
		c.Env = append(c.Env, "NODE_OPTIONS="+strings.Join(server.Options(), " "))
		c.Env = append(c.Env, server.Env()...)
	}
	return c
}

// emptyNode runs an empty program to its end and returns the time and the
// processor time that it took.
func emptyNode(ctx context.Context, server *v8heap.Server, loaded bool) (wall, cpu time.Duration, err error) {
	c := node(ctx, server, loaded, "")
	start := time.Now()
	if err := c.Run(); err != nil {
		return 0, 0, err
	}
	return time.Since(start), c.ProcessState.UserTime() + c.ProcessState.SystemTime(), nil
}

// idleNode starts a Node process that waits for the end of its input, and
// returns what it holds when it and the agent are up.
func idleNode(ctx context.Context, server *v8heap.Server, loaded bool) (used memtools.Bytes, err error) {
	tracker, err := memtools.NewTracker()
	if err != nil {
		return 0, err
	}
	defer tracker.Close()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c := node(ctx, server, loaded, "console.log('up'); process.stdin.resume()")
	in, err := c.StdinPipe()
	if err != nil {
		return 0, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := c.Start(); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, in.Close(), c.Wait()) }()
	tracker.TrackOne("node", c.Process.Pid)
	if _, err := out.Read(make([]byte, 8)); err != nil {
		return 0, err
	}
	for loaded && !connected(server, c.Process.Pid) { // the agent is up a little later
		if ctx.Err() != nil {
			return 0, errors.New("the agent has not connected")
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // both come to rest
	s, err := tracker.Sample()
	if err != nil {
		return 0, err
	}
	return s.Trees["node"].Usage, nil
}

func connected(server *v8heap.Server, pid int) bool {
	return slices.ContainsFunc(server.Processes(), func(p v8heap.Process) bool { return p.PID == pid })
}

// installedExample copies the example to dir, installs it, and compiles its targets.
func installedExample(ctx context.Context, dir string) (example, binary string, err error) {
	example = filepath.Join(dir, "example")
	if err := os.CopyFS(example, withoutModules("examples/typescript-monorepo")); err != nil {
		return "", "", err
	}
	if out, err := exec.CommandContext(ctx, "npm", "ci", "--prefix", example).CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	if binary, err = heapmageBinary(ctx, "", dir); err != nil {
		return "", "", err
	}
	return example, binary, nil
}
