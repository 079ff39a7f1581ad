//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/heapmage/heapmage/internal/bench/record"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/rundir"
)

// recorded reports whether a build of the workspace at root has begun.
func recorded(root string) bool {
	_, err := os.Stat(filepath.Join(root, rundir.Name, "runs"))
	return err == nil
}

// readRecord reads the newest record of the workspace at root, and compares it with
// what is known of the build.
func readRecord(root string, code int, built map[string]bool) error {
	events, err := record.Newest(root)
	if err != nil {
		return err
	}
	succeeded := map[string]bool{}
	for i, e := range events {
		if e.Seq != i+1 {
			return fmt.Errorf("event %d has the number %d", i+1, e.Seq)
		}
		if t, ok := e.Event.(event.TaskFinished); ok && t.Status == event.Succeeded {
			succeeded[t.Package] = true
		}
	}
	if len(events) == 0 {
		return errors.New("it is empty")
	}
	last, ok := events[len(events)-1].Event.(event.RunFinished)
	if !ok || last.ExitCode != code {
		return fmt.Errorf("it ends with %T and exit code %d, not with %d", events[len(events)-1].Event, last.ExitCode, code)
	}
	for name := range built {
		if !succeeded[name] {
			return fmt.Errorf("%s is built, but not recorded", name)
		}
	}
	if len(succeeded) != len(built) {
		return fmt.Errorf("%d tasks are recorded as succeeded, %d are built", len(succeeded), len(built))
	}
	return nil
}

// readHistory has heapmage show the history, which must have the tasks.
func readHistory(ctx context.Context, binary, root string, tasks map[string]bool) error {
	c := exec.CommandContext(ctx, binary, "memory:history")
	c.Dir = root
	text, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	for name := range tasks {
		if !strings.Contains(string(text), name+"#build ") {
			return fmt.Errorf("it lacks %s:\n%s", name, text)
		}
	}
	return nil
}
