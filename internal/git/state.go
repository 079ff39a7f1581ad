package git

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
)

// Top returns the root of the working tree around dir. The error is ErrNoGit, ErrNoRepository, or
// what Git says.
func Top(ctx context.Context, dir string) (string, error) {
	root, err := ask(ctx, dir, "rev-parse", "--show-toplevel")
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", ErrNoGit
	case err != nil && strings.Contains(err.Error(), "not a git repository"):
		return "", ErrNoRepository
	}
	return filepath.FromSlash(root), err // such as a folder that belongs to somebody else
}

// Keeps reports whether Git has a file of a folder as it is, so that `git checkout` gets it back
// after a change. It is enough that the file was added, as long as it is not committed.
func Keeps(ctx context.Context, dir, name string) bool {
	if _, err := ask(ctx, dir, "--literal-pathspecs", "ls-files", "--error-unmatch", "--", name); err != nil {
		return false // not tracked
	}
	changed, err := ask(ctx, dir, "--literal-pathspecs", "diff", "--name-only", "--no-ext-diff", "--", name)
	return err == nil && changed == ""
}

// MainBranch returns the branch that others are merged into: the one that origin names, else main,
// master, or the current one. It is empty if there is none of these.
func MainBranch(ctx context.Context, dir string) string {
	if branch, err := ask(ctx, dir, "symbolic-ref", "--short", "refs/remotes/origin/HEAD"); err == nil {
		return strings.TrimPrefix(branch, "origin/")
	}
	for _, branch := range []string{"main", "master"} {
		if _, err := ask(ctx, dir, "rev-parse", "--verify", "--quiet", "refs/heads/"+branch); err == nil {
			return branch
		}
	}
	branch, _ := ask(ctx, dir, "symbolic-ref", "--short", "HEAD") // not on a branch: none
	return branch
}
