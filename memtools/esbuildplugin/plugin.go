// Package esbuildplugin watches the memory of builds that use esbuild's Go API. Its
// plugin runs a [memtools.Monitor] while a build lasts. esbuild runs inside the Go
// process, so the monitor measures esbuild's memory together with the program's own,
// and its garbage collection frees both.
//
// It is a separate package so that other users of memtools do not depend on esbuild.
package esbuildplugin

import (
	"sync"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/heapmage/heapmage/memtools"
)

// Name is the plugin's name in esbuild's messages.
const Name = "memory-monitor"

// New returns a plugin that runs a monitor while a build lasts. The zero options
// collect nothing and report to no one: see [memtools.MonitorOptions]. The first check
// comes one Interval after the start of the build, so set one that is shorter than your
// builds: the default is 60 s.
//
// One plugin may serve several builds, even at once: the monitor runs from the start of
// the first to the end of the last. In watch mode it rests between rebuilds.
func New(o memtools.MonitorOptions) api.Plugin {
	builds := &builds{monitor: memtools.NewMonitor(o)}
	return api.Plugin{Name: Name, Setup: func(build api.PluginBuild) {
		b := &oneBuild{all: builds}
		build.OnStart(func() (api.OnStartResult, error) {
			b.start()
			return api.OnStartResult{}, nil
		})
		build.OnEnd(func(*api.BuildResult) (api.OnEndResult, error) {
			b.end()
			return api.OnEndResult{}, nil
		})
		// If the OnEnd of an earlier plugin fails, esbuild does not call ours.
		build.OnDispose(b.end)
	}}
}

// builds runs the monitor while any build does.
type builds struct {
	monitor *memtools.Monitor

	mu      sync.Mutex // guards running, and running of each build
	running int
}

type oneBuild struct {
	all     *builds
	running bool
}

func (b *oneBuild) start() {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	if b.running {
		return // the end of the last build was not reported
	}
	b.running = true
	if b.all.running++; b.all.running == 1 {
		b.all.monitor.Start()
	}
}

func (b *oneBuild) end() {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	if !b.running {
		return
	}
	b.running = false
	if b.all.running--; b.all.running == 0 {
		b.all.monitor.Stop()
	}
}
