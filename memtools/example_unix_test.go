//go:build unix

package memtools_test

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/heapmage/heapmage/memtools"
)

// Measure a command and all that it starts. A program that waits for the command
// takes samples meanwhile, as the peak is that of the samples.
func ExampleTracker_Track() {
	tracker, err := memtools.NewTracker()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tracker.Close()

	id := fmt.Sprintf("example-%d/sleep", os.Getpid())
	cmd := exec.Command("sleep", "60")
	cmd.Env = append(os.Environ(), memtools.Marker(id)) // also finds what leaves the tree
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
		return
	}
	tracker.Track(id, cmd.Process.Pid)

	sample, err := tracker.Sample()
	if err != nil {
		fmt.Println(err)
		return
	}
	tree := sample.Trees[id]
	fmt.Println(len(tree.Processes), tree.Processes[0].PID == cmd.Process.Pid)

	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	fmt.Println(tracker.Untrack(id).Peak >= tree.Usage)
	// Output:
	// 1 true
	// true
}
