package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/heapmage/heapmage/internal/problem"
)

// resolve finds the program of c as the child would: on the PATH of its environment
// and from its folder, not on ours.
func resolve(c Command) (string, error) {
	if c.Dir != "" {
		info, err := os.Stat(c.Dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", &problem.Error{Where: c.Dir, What: "no such folder to run in"}
		case err != nil:
			return "", &problem.Error{Where: c.Dir, What: "cannot run in this folder", Cause: bare(err)}
		case !info.IsDir():
			return "", &problem.Error{Where: c.Dir, What: "cannot run in it: not a folder"}
		}
	}
	if len(c.Args) == 0 || c.Args[0] == "" {
		return "", &problem.Error{Where: c.Dir, What: "there is no command to run"}
	}
	name := c.Args[0]
	if strings.ContainsRune(name, '/') || filepath.Base(name) != name {
		for _, path := range candidates(absolute(c.Dir, name), c.Env) {
			if executable(path) {
				return path, nil
			}
		}
		// The system will tell why not.
		return absolute(c.Dir, name), nil
	}
	path := variable(c.Env, "PATH")
	for _, dir := range filepath.SplitList(path) {
		for _, file := range candidates(filepath.Join(absolute(c.Dir, dir), name), c.Env) {
			if executable(file) {
				return file, nil
			}
		}
	}
	hint := "install it, or check the PATH"
	if path == "" {
		hint = "the environment has no PATH"
	}
	return "", &problem.Error{What: fmt.Sprintf("command %q not found", name), Hint: hint}
}

// absolute returns path as seen from dir. If that fails the result may be relative
// to this process's folder.
func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	joined, err := filepath.Abs(filepath.Join(dir, path))
	if err != nil {
		return filepath.Join(dir, path)
	}
	return joined
}

// variable returns the value of name in env. The last one counts, as for the child.
func variable(env []string, name string) string {
	for _, kv := range slices.Backward(env) {
		if k, v, ok := strings.Cut(kv, "="); ok && sameVariable(k, name) {
			return v
		}
	}
	return ""
}

// startError turns an error of the system into one that names the command.
func startError(c Command, err error) error {
	e := &problem.Error{What: fmt.Sprintf("cannot start %q", c.Args[0]), Cause: bare(err)}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// The file may be there and its interpreter not.
		e.What, e.Cause = fmt.Sprintf("command %q not found", c.Args[0]), nil
		if _, statErr := os.Stat(absolute(c.Dir, c.Args[0])); statErr == nil {
			e.What = fmt.Sprintf("cannot start %q: the interpreter in its first line, or its dynamic loader, does not exist", c.Args[0])
		}
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "make it executable: chmod +x"
	case errors.Is(err, syscall.ENOEXEC):
		e.Hint = "is it built for this system, and does a script begin with #!?"
	case errors.Is(err, syscall.E2BIG):
		e.Hint = "its arguments and environment together are too long"
	}
	return e
}

// bare strips the operation and the path from an error: the message names them.
func bare(err error) error {
	var path *fs.PathError
	var call *os.SyscallError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &call):
		return call.Err
	}
	return err
}
