// Package git asks Git about a working tree. Where there is no Git, or no repository,
// nothing is tracked.
package git

import (
	"bytes"
	"context"
	"os/exec"
)

// Tracked returns the files below dir that are under version control, relative to dir,
// with slashes. It starts one process.
func Tracked(ctx context.Context, dir string) map[string]bool {
	// A repository's own configuration must not have the question start programs.
	c := exec.CommandContext(ctx, "git", "-c", "core.fsmonitor=false", "ls-files", "-z")
	c.Dir = dir
	list, err := c.Output()
	if err != nil {
		return nil
	}
	tracked := map[string]bool{}
	for name := range bytes.SplitSeq(list, []byte{0}) {
		tracked[string(name)] = true
	}
	return tracked
}
