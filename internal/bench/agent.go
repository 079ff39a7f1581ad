package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	var memory [2]memtools.Bytes
	const processes = 20
	for i := range processes + 1 { // the first pair does not count
		var both [2]time.Duration
		for turn := range 2 {
			loaded := (turn + i) % 2
			took, used, err := emptyNode(ctx, server, loaded == 1)
			if err != nil {
				return err
			}
			both[loaded] = took
			if i > 0 {
				memory[loaded] += used / processes
			}
		}
		if i > 0 {
			without, with = append(without, both[0]), append(with, both[1])
		}
	}
	fmt.Printf("an empty Node process: median %.1f ms and %v without, %.1f ms and %v with the agent\n",
		ms(median(without)), memory[0], ms(median(with)), memory[1])
	fmt.Printf("the agent costs        %.1f ms and %v\n\n", ms(median(with)-median(without)), memory[1]-memory[0])

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

// emptyNode starts a Node process that says when it is up and waits for the end
// of its input, and returns how long it took to its end and what it held.
func emptyNode(ctx context.Context, server *v8heap.Server, loaded bool) (time.Duration, memtools.Bytes, error) {
	tracker, err := memtools.NewTracker()
	if err != nil {
		return 0, 0, err
	}
	defer tracker.Close()
	c := exec.CommandContext(ctx, "node", "-e", "console.log('up'); process.stdin.resume()")
	c.Env = append(os.Environ(), "NODE_OPTIONS=")
	if loaded {
		c.Env = append(c.Env, "NODE_OPTIONS="+strings.Join(server.Options(), " "))
		c.Env = append(c.Env, server.Env()...)
	}
	in, err := c.StdinPipe()
	if err != nil {
		return 0, 0, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := c.Start(); err != nil {
		return 0, 0, err
	}
	tracker.TrackOne("node", c.Process.Pid)
	if _, err := out.Read(make([]byte, 8)); err != nil {
		return 0, 0, err
	}
	up := time.Since(start)
	for loaded && len(server.Processes()) == 0 { // the agent is up a little later
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // it comes to rest
	s, err := tracker.Sample()
	if err != nil {
		return 0, 0, err
	}
	start = time.Now()
	if err := in.Close(); err != nil {
		return 0, 0, err
	}
	err = c.Wait()
	return up + time.Since(start), s.Trees["node"].Usage, err
}

// installedExample copies the example to dir, installs it, and compiles its targets.
func installedExample(ctx context.Context, dir string) (example, binary string, err error) {
	example, binary = filepath.Join(dir, "example"), filepath.Join(dir, "heapmage")
	if err := os.CopyFS(example, withoutModules("examples/typescript-monorepo")); err != nil {
		return "", "", err
	}
	for _, c := range [][]string{{"go", "tool", "mage", "-compile", binary}, {"npm", "ci", "--prefix", example}} {
		if out, err := exec.CommandContext(ctx, c[0], c[1:]...).CombinedOutput(); err != nil {
			return "", "", fmt.Errorf("%s: %w\n%s", strings.Join(c, " "), err, out)
		}
	}
	return example, binary, nil
}
