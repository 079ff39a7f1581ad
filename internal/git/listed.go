package git

import (
	"bytes"
	"context"
	"slices"
)

// Listed returns the files below some paths that Git does not ignore, and whether each is
// under version control. Paths are relative to dir, with slashes. A repository in the working
// tree is one path; it ends in a slash if it is no submodule. Some may have been removed since
// they were committed. ok is false if there is no repository. It starts one process.
func Listed(ctx context.Context, dir string, paths []string) (tracked map[string]bool, ok bool) {
	list, err := list(ctx, dir, paths, "-t", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, false
	}
	tracked = map[string]bool{}
	for entry := range bytes.SplitSeq(list, []byte{0}) {
		if tag, name, found := bytes.Cut(entry, []byte{' '}); found {
			tracked[string(name)] = string(tag) != "?"
		}
	}
	return tracked, true
}

// IgnoredBelow returns the files below a path that Git ignores. A folder that it ignores as a
// whole is one path, which ends in a slash. Where there is no repository nothing is ignored.
// It starts one process.
func IgnoredBelow(ctx context.Context, dir, path string) (names []string) {
	list, err := list(ctx, dir, []string{path}, "--others", "--ignored", "--exclude-standard", "--directory")
	if err != nil {
		return nil
	}
	for name := range bytes.SplitSeq(list, []byte{0}) {
		if len(name) > 0 {
			names = append(names, string(name))
		}
	}
	return names
}

func list(ctx context.Context, dir string, paths []string, options ...string) ([]byte, error) {
	return command(ctx, dir, slices.Concat([]string{"--literal-pathspecs", "ls-files", "-z"}, options, []string{"--"}, paths)...).Output()
}
