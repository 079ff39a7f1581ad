package script

import (
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/workspace"
)

// environment is what a package's script sees: the user's environment with what
// the package manager sets. What an outer "npm run" set for its package is
// dropped.
func (s *Settings) environment(pkg *workspace.Package, o Options) []string {
	own := s.of(pkg)
	env := s.base(own.nodeSettings, o)
	env.set(environ.PWD, pkg.Path)
	if pkg.Manifest == nil {
		return env.list(o.Extra)
	}
	for name := range env {
		if strings.HasPrefix(name, environ.NPMPackagePrefix) || strings.HasPrefix(name, environ.NPMLifecyclePrefix) {
			delete(env, name)
		}
	}
	s.describe(env, pkg, o)
	s.setNested(env, own.nodeSettings, o)
	own.setRead(env)
	env.set(environ.Path, s.path(pkg, o))
	return env.list(o.Extra)
}

// plain is the user's environment with heapmage's limits, for commands that are
// not scripts.
func (s *Settings) plain(own packageSettings, o Options) []string {
	env := s.base(own.nodeSettings, o)
	s.setNested(env, own.nodeSettings, o)
	own.setRead(env)
	if o.Bin != "" {
		env.set(environ.Path, o.Bin+string(filepath.ListSeparator)+environ.Value(o.Environ, environ.Path))
	}
	return env.list(o.Extra)
}

// base is the user's environment with the options for Node.
func (s *Settings) base(n nodeSettings, o Options) variables {
	env := variables{}
	for _, entry := range o.Environ {
		if name, v, ok := strings.Cut(entry, "="); ok {
			env.set(name, v)
		}
	}
	if options := n.options.Text(o.NodeOptions, o.HeapLimit); options != "" {
		env.set(environ.NodeOptions, options)
	}
	if o.HeapLimit > 0 {
		// An outer heapmage's limit is in NODE_OPTIONS like the user's.
		outer := s.UserHeapLimit > 0 && env[environ.WorkerHeap] == nodeoptions.Megabytes(s.UserHeapLimit)
		delete(env, environ.WorkerHeap)
		if s.UserHeapLimit == 0 || outer {
			env.set(environ.WorkerHeap, nodeoptions.Megabytes(o.HeapLimit))
		}
	}
	if _, set := env[environ.ForceColor]; o.Colour && !set && env[environ.NoColor] == "" {
		env.set(environ.ForceColor, "1") // the program writes to a pipe, and its output goes on to a terminal
	}
	return env
}

// variables is an environment by name.
type variables map[string]string

func (v variables) set(name, value string) {
	if runtime.GOOS == "windows" { // letter case does not matter there
		for known := range v {
			if known != name && environ.SameName(known, name) {
				delete(v, known)
			}
		}
	}
	v[name] = value
}

// list returns the environment in order of its names. Extra entries replace
// those of the same name.
func (v variables) list(extra []string) []string {
	for _, entry := range extra {
		if name, value, ok := strings.Cut(entry, "="); ok {
			v.set(name, value)
		}
	}
	list := make([]string, 0, len(v))
	for name, value := range v {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}
