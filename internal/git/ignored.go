package git

import (
	"bytes"
	"context"
	"strings"
)

// Ignored returns those of some paths that Git ignores. They are relative to dir, with
// slashes. It starts one process, or none if there is no path. Where there is no repository
// nothing is ignored.
func Ignored(ctx context.Context, dir string, paths []string) map[string]bool {
	ignored := map[string]bool{}
	if len(paths) == 0 {
		return ignored
	}
	c := command(ctx, dir, "check-ignore", "-z", "--stdin")
	c.Stdin = strings.NewReader(strings.Join(paths, "\x00") + "\x00")
	list, _ := c.Output() // exit code 1: none is
	for name := range bytes.SplitSeq(list, []byte{0}) {
		ignored[string(name)] = true
	}
	delete(ignored, "")
	return ignored
}
