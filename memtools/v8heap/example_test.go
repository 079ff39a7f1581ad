package v8heap_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// Run a compiler and collect its garbage if its heap is large. It needs Node, so it does
// not run here.
func ExampleServer() {
	server, err := v8heap.Listen("")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	cmd := exec.Command("node", "node_modules/typescript/bin/tsc", "-b")
	cmd.Env = append(os.Environ(), server.Env()...)
	cmd.Env = append(cmd.Env, "NODE_OPTIONS="+os.Getenv("NODE_OPTIONS")+" "+strings.Join(server.Options(), " "))
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
		return
	}
	time.Sleep(2 * time.Second)
	for _, p := range server.Processes() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		heap, err := server.Stats(ctx, p.PID)
		if err == nil && heap.Used > memtools.GB {
			got, err := server.Collect(ctx, p.PID)
			fmt.Println(p.Script, "freed", got.Freed(), "in", got.Duration, err)
		}
		cancel()
	}
	fmt.Println(cmd.Wait())
}

func ExampleCollection() {
	c := v8heap.Collection{
		Before:   v8heap.Heap{Used: 356 * memtools.MB, RSS: 480 * memtools.MB},
		After:    v8heap.Heap{Used: 203 * memtools.MB, RSS: 350 * memtools.MB},
		Duration: 17 * time.Millisecond,
	}
	fmt.Println(c.Freed(), c.Returned(), c.Duration)
	// Output: 153.00MB 130.00MB 17ms
}
