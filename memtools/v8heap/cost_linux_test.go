package v8heap

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// TestMemoryAtRest checks the agent's memory in docs/benchmarks.md, which is that after
// the agent has returned what its start left behind.
func TestMemoryAtRest(t *testing.T) {
	most := map[string]memtools.Bytes{"20": 6 * memtools.MB, "22": 8 * memtools.MB, "24": 9 * memtools.MB, "26": 8 * memtools.MB}
	eachNode(t, func(t *testing.T, node string) {
		s := listen(t)
		tracker, err := memtools.NewTracker()
		if err != nil {
			t.Fatal(err)
		}
		defer tracker.Close()
		tracker.TrackOne("without", idle(t, command(nil, node, "-e", "process.stdin.resume(); console.log('up')")))
		tracker.TrackOne("with", idle(t, command(s, node, "-e", "process.stdin.resume(); console.log('up')")))
		waitFor(t, "the agent", func() bool { return len(s.Processes()) == 1 })
		limit := most[strings.Split(s.Processes()[0].Node, ".")[0]]
		time.Sleep(2500 * time.Millisecond) // less is held for a moment at the start
		var cost memtools.Bytes
		waitFor(t, "the agent to take little memory", func() bool {
			sample, err := tracker.Sample()
			if err != nil {
				t.Fatal(err)
			}
			cost = sample.Trees["with"].Usage - sample.Trees["without"].Usage
			return cost <= limit
		})
		t.Logf("at rest the agent takes %v", cost)
	})
}

// idle starts a program that writes when it is up, and ends it with the test; it
// returns the process's id.
func idle(t *testing.T, c *exec.Cmd) int {
	t.Helper()
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	return c.Process.Pid
}
