// Package esbuildplugin watches the memory of builds through esbuild's Go API:
// a plugin that starts a memtools.Monitor when a build starts and stops it when
// the build ends. It is a package of its own, so that nobody else pays for
// esbuild. esbuild runs inside the Go process, so that the monitor's own figures
// are esbuild's, and its garbage collection is real.
package esbuildplugin

import (
	"sync"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/heapmage/heapmage/memtools"
)

// Name is the plugin's, as esbuild's messages have it.
const Name = "memory-monitor"

// New returns a plugin that runs a monitor while a build lasts. The config is
// that of memtools.NewMonitor; its zero value collects nothing and tells nobody.
// One plugin may serve many builds, also at once: the monitor runs from the
// start of the first to the end of the last.
func New(config memtools.MonitorOptions) api.Plugin {
	var (
		mu      sync.Mutex // guards running
		running int
		monitor = memtools.NewMonitor(config)
	)
	return api.Plugin{
		Name: Name,
		Setup: func(build api.PluginBuild) {
			building := false // this one; guarded by mu
			end := func() {
				mu.Lock()
				defer mu.Unlock()
				if !building {
					return
				}
				building = false
				if running--; running == 0 {
					monitor.Stop()
				}
			}
			build.OnStart(func() (api.OnStartResult, error) {
				mu.Lock()
				defer mu.Unlock()
				if building {
					return api.OnStartResult{}, nil // the last build's end was kept from us
				}
				building = true
				if running++; running == 1 {
					monitor.Start()
				}
				return api.OnStartResult{}, nil
			})
			build.OnEnd(func(*api.BuildResult) (api.OnEndResult, error) {
				end()
				return api.OnEndResult{}, nil
			})
			// esbuild tells no plugin of the end after one whose own OnEnd failed.
			build.OnDispose(end)
		},
	}
}
