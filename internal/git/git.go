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
	list, err := command(ctx, dir, "ls-files", "-z").Output()
	if err != nil {
		return nil
	}
	tracked := map[string]bool{}
	for name := range bytes.SplitSeq(list, []byte{0}) {
		tracked[string(name)] = true
	}
	return tracked
}

// command is Git in a folder. A repository's own configuration must not have a question start
// programs.
func command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false"}, args...)...)
	c.Dir = dir
	return c
}
