package git

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// Head returns the commit that is checked out in the working tree around dir, and a digest of what
// differs from it in files under version control; empty if nothing does. Git's settings do not
// change the digest. The error is ErrNoGit, ErrNoRepository, a NoCommitError, or what Git says. It
// starts three processes.
func Head(ctx context.Context, dir string) (commit, changes string, err error) {
	root, err := Top(ctx, dir)
	if err != nil {
		return "", "", err
	}
	if commit, err = commitOf(ctx, root, "HEAD"); err != nil {
		return "", "", err
	}
	c := command(ctx, root, "diff", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-indent-heuristic",
		"--diff-algorithm=myers", "--unified=3", "--inter-hunk-context=0", "--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules=none", "--submodule=short", "HEAD", "--")
	sum := sha256.New() // the differences may be large
	nothing := sum.Sum(nil)
	c.Stdout = sum
	if err := c.Run(); err != nil {
		return "", "", err
	}
	if digest := sum.Sum(nil); !bytes.Equal(digest, nothing) {
		changes = hex.EncodeToString(digest)
	}
	return commit, changes, nil
}
