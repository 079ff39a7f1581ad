package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// The reasons why it cannot be told what has changed.
var (
	ErrNoGit        = errors.New("git is not installed")
	ErrNoRepository = errors.New("there is no Git repository")
	ErrNoCommit     = errors.New("there is no such commit")
	ErrNoMergeBase  = errors.New("they have no commit in common")
)

// NoCommitError is an ErrNoCommit that tells of which ref.
type NoCommitError struct{ Ref string }

func (e *NoCommitError) Error() string { return fmt.Sprintf("there is no commit %q", e.Ref) }

func (e *NoCommitError) Unwrap() error { return ErrNoCommit }

// Changes are what differs from a commit in a working tree, or in another commit.
type Changes struct {
	// Root is the top folder of the repository, symbolic links resolved.
	Root string
	// Base is the commit with which is compared.
	Base string
	// Head is the commit that is compared with it. Empty means the working tree.
	Head string
	// Paths are what was committed since, staged, changed, added or removed in the working
	// tree, without what Git ignores; relative to Root, with slashes. A submodule, and a
	// repository in the working tree, is a path without what is in it.
	Paths []string
}

// Since returns what differs in the working tree around dir from the last commit that ref
// and HEAD have in common. The error is, or wraps, one of those above, or tells what Git
// said. It starts five processes.
func Since(ctx context.Context, dir, ref string) (*Changes, error) {
	return changes(ctx, dir, ref, func(root, commit string) (*Changes, error) {
		base, err := parted(ctx, root, commit, "HEAD")
		return &Changes{Base: base}, err
	})
}

// Between returns what differs in the commit to from the last one that it and from have in
// common, whatever the working tree holds. It is otherwise as Since.
func Between(ctx context.Context, dir, from, to string) (*Changes, error) {
	return changes(ctx, dir, from, func(root, commit string) (*Changes, error) {
		head, err := commitOf(ctx, root, to)
		if err != nil {
			return nil, err
		}
		base, err := parted(ctx, root, commit, head)
		return &Changes{Base: base, Head: head}, err
	})
}

// changes fills in what ends returns for the commit that ref names.
func changes(ctx context.Context, dir, ref string, ends func(root, commit string) (*Changes, error)) (*Changes, error) {
	root, err := Top(ctx, dir)
	if err != nil {
		return nil, err
	}
	commit, err := commitOf(ctx, root, ref)
	if err != nil {
		return nil, err
	}
	c, err := ends(root, commit)
	if err != nil {
		return nil, err
	}
	c.Root = root
	args := []string{"diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules=none", c.Base}
	if c.Head != "" {
		args = append(args, c.Head)
	}
	changed, err := ask(ctx, c.Root, append(args, "--")...)
	if err != nil {
		return nil, err
	}
	added := ""
	if c.Head == "" {
		if added, err = ask(ctx, c.Root, "ls-files", "-z", "--others", "--exclude-standard"); err != nil {
			return nil, err
		}
	}
	for name := range strings.SplitSeq(changed+"\x00"+added, "\x00") {
		if name = strings.TrimSuffix(name, "/"); name != "" {
			c.Paths = append(c.Paths, name)
		}
	}
	return c, nil
}

// commitOf is the commit that a ref names.
func commitOf(ctx context.Context, root, ref string) (string, error) {
	if strings.HasPrefix(ref, "-") {
		return "", &NoCommitError{ref} // it would be an option
	}
	commit, err := ask(ctx, root, "rev-parse", "--verify", "--quiet", ref+"^{commit}")
	if err != nil || commit == "" {
		return "", errors.Join(&NoCommitError{ref}, ctx.Err())
	}
	return commit, nil
}

// parted is the last commit that two have in common.
func parted(ctx context.Context, root, a, b string) (string, error) {
	base, err := ask(ctx, root, "merge-base", a, b)
	if err != nil || base == "" {
		return "", errors.Join(ErrNoMergeBase, ctx.Err())
	}
	return base, nil
}

// Shallow reports whether a repository was cloned without all of its history.
func Shallow(ctx context.Context, dir string) bool {
	answer, err := ask(ctx, dir, "rev-parse", "--is-shallow-repository")
	return err == nil && answer == "true"
}

// Show returns a file of a commit, nil if that has none. The path is relative to the top
// folder, with slashes.
func Show(ctx context.Context, dir, commit, path string) []byte {
	text, err := output(ctx, dir, "cat-file", "blob", commit+":"+path)
	if err != nil {
		return nil
	}
	return text
}

// ask is what Git says, without the line end.
func ask(ctx context.Context, dir string, args ...string) (string, error) {
	text, err := output(ctx, dir, args...)
	return strings.TrimRight(string(text), "\r\n"), err
}

// output runs Git. The error has its first line.
func output(ctx context.Context, dir string, args ...string) ([]byte, error) {
	c := command(ctx, dir, args...)
	c.Env = append(c.Environ(), "LC_ALL=C") // the messages are compared
	text, err := c.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		if line, _, _ := bytes.Cut(exit.Stderr, []byte("\n")); len(line) > 0 {
			err = errors.New(string(line))
		}
	}
	return text, err
}
