//go:build linux || darwin

package shim

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/admission/frame"
	"github.com/heapmage/heapmage/internal/environ"
)

// defaultShell runs scripts if PATH has no other.
const defaultShell = "/bin/sh"

// invocation is what this process was started with.
type invocation struct {
	args   []string
	env    []string
	folder string   // the shim folder; empty if there is none
	byPath bool     // args[0] is the path of the shim: it was named as the shell for scripts
	kept   []string // the entries of the environment that the guard replaced by that
}

func newInvocation(args, env []string) invocation {
	in := invocation{args: args, env: env}
	isFolder := func(dir string) bool {
		return filepath.IsAbs(dir) && strings.HasPrefix(filepath.Base(dir), frame.FolderPrefix)
	}
	if strings.Contains(args[0], "/") {
		if dir := filepath.Dir(args[0]); isFolder(dir) {
			in.folder, in.byPath = dir, true
		}
	} else if n := slices.IndexFunc(in.path(), isFolder); n >= 0 {
		in.folder = filepath.Clean(in.path()[n])
	}
	if in.folder != "" {
		kept, _ := os.ReadFile(filepath.Join(in.folder, frame.KeptName)) // not there: nothing was replaced
		in.kept = strings.FieldsFunc(string(kept), func(r rune) bool { return r == 0 })
	}
	return in
}

func (in invocation) path() []string { return filepath.SplitList(environ.Value(in.env, environ.Path)) }

// isScript reports whether this is the shell of a package script.
func (in invocation) isScript() bool {
	if environ.Value(in.env, environ.NPMLifecycleEvent) == "" {
		return false
	}
	for _, arg := range in.args[1:] {
		if len(arg) < 2 || arg[0] != '-' && arg[0] != '+' || arg == "--" {
			return false // a file of commands, or standard input
		}
		if arg[0] == '-' && arg[1] != '-' && strings.Contains(arg, "c") {
			return true
		}
	}
	return false
}

// command is the real shell's path, arguments and environment.
type command struct {
	path string
	args []string
	env  []string
}

// command returns what the frame tells to run.
func (in invocation) command(f frame.Frame) command {
	c := command{args: slices.Clone(in.args), env: in.environ(f)}
	name := f.Shell
	if name == "" && in.byPath && len(in.kept) > 0 {
		_, name, _ = strings.Cut(in.kept[0], "=")
	} else if name == "" && in.byPath && strings.HasPrefix(environ.Value(in.env, environ.NPMUserAgent), "yarn/") {
		name = defaultShell // does not look into PATH, as the other package managers do
	}
	if name != "" {
		if c.path = find(name, filepath.SplitList(environ.Value(c.env, environ.Path))); c.path != "" {
			c.args[0] = name
			return c
		}
	}
	c.path = in.next()
	if in.byPath {
		c.args[0] = frame.ShellName
	}
	if strings.HasPrefix(filepath.Base(filepath.Dir(c.path)), frame.FolderPrefix) {
		c.args[0] = c.path // the shim of a guard around ours: that tells it which of them it is
	}
	return c
}

// next returns the sh that PATH would have without the shim. Nothing that PATH has before the
// shim folder counts if it has that: another guard's shim would lead back here.
func (in invocation) next() string {
	path := in.path()
	n := slices.IndexFunc(path, func(dir string) bool { return in.folder != "" && filepath.Clean(dir) == in.folder })
	path = path[n+1:]
	if n < 0 {
		path = slices.DeleteFunc(path, func(dir string) bool { return strings.HasPrefix(filepath.Base(dir), frame.FolderPrefix) })
	}
	if found := find(frame.ShellName, path); found != "" {
		return found
	}
	return defaultShell
}

// find looks for a program as execvp(3) does.
func find(name string, path []string) string {
	if strings.Contains(name, "/") {
		path = []string{""}
	}
	for _, dir := range path {
		file := filepath.Join(dir, name)
		if !strings.Contains(file, "/") {
			file = "./" + file
		}
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && unix.Access(file, unix.X_OK) == nil {
			return file
		}
	}
	return ""
}

// environ returns the environment of the script.
func (in invocation) environ(f frame.Frame) []string {
	env := slices.Clone(in.env)
	if !f.Keep && in.folder != "" {
		env = in.withoutShim(env)
	}
	for name, value := range f.Set {
		entry := name + "=" + value
		n := slices.IndexFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		if n < 0 {
			env = append(env, entry)
		} else {
			env[n] = entry
		}
	}
	return env
}

// withoutShim removes from env what leads to the shim, and restores what the guard replaced.
func (in invocation) withoutShim(env []string) []string {
	own := filepath.Join(in.folder, frame.ShellName)
	var out []string
	replaced := false
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		switch {
		case name == environ.Path:
			path := slices.DeleteFunc(filepath.SplitList(value), func(dir string) bool { return filepath.Clean(dir) == in.folder })
			entry = name + "=" + strings.Join(path, ":")
		case slices.Contains(frame.ScriptShells, name) && value == own:
			replaced = true
			continue
		}
		out = append(out, entry)
	}
	if replaced { // and not if the runner, which drops variables, has dropped these
		out = append(out, in.kept...)
	}
	return out
}
