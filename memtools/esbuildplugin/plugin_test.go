package esbuildplugin

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/heapmage/heapmage/memtools"
)

// slow delays a build until the monitor has checked.
func slow(checks *atomic.Int32) api.Plugin {
	return api.Plugin{Name: "slow", Setup: func(build api.PluginBuild) {
		build.OnLoad(api.OnLoadOptions{Filter: ".*"}, func(api.OnLoadArgs) (api.OnLoadResult, error) {
			for end := time.Now().Add(20 * time.Second); checks.Load() < 2 && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			return api.OnLoadResult{}, nil
		})
	}}
}

func TestTheMonitorStopsThoughAnotherPluginFailsAtTheEnd(t *testing.T) {
	entry := filepath.Join(t.TempDir(), "main.ts")
	if err := os.WriteFile(entry, []byte("export const answer: number = 42"), 0o600); err != nil {
		t.Fatal(err)
	}
	var checks atomic.Int32
	plugin := New(memtools.MonitorOptions{Interval: 20 * time.Millisecond, OnCheck: func(memtools.Usage) { checks.Add(1) }})
	failing := api.Plugin{Name: "failing", Setup: func(build api.PluginBuild) {
		build.OnEnd(func(*api.BuildResult) (api.OnEndResult, error) { return api.OnEndResult{}, errors.New("no") })
	}}
	for range 2 {
		checks.Store(0)
		result := api.Build(api.BuildOptions{EntryPoints: []string{entry}, Bundle: true, Plugins: []api.Plugin{failing, plugin, slow(&checks)}})
		if len(result.Errors) == 0 || checks.Load() < 2 {
			t.Fatalf("%d checks, errors %v", checks.Load(), result.Errors)
		}
		waitFor(t, "the end of the checks", func() bool { // esbuild disposes of a build some time later
			before := checks.Load()
			time.Sleep(100 * time.Millisecond)
			return checks.Load() == before
		})
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); {
		if time.Now().After(end) {
			t.Fatalf("%s did not come", what)
		}
	}
}

func TestTheMonitorRunsWhileTheBuildLasts(t *testing.T) {
	entry := filepath.Join(t.TempDir(), "main.ts")
	if err := os.WriteFile(entry, []byte("export const answer: number = 42"), 0o600); err != nil {
		t.Fatal(err)
	}
	var checks atomic.Int32
	plugin := New(memtools.MonitorOptions{Interval: 20 * time.Millisecond, OnCheck: func(s memtools.Usage) {
		if s.Used <= 0 {
			t.Errorf("nothing is in use: %+v", s)
		}
		checks.Add(1)
	}})
	for range 2 { // a plugin serves more than one build
		checks.Store(0)
		result := api.Build(api.BuildOptions{EntryPoints: []string{entry}, Bundle: true, Plugins: []api.Plugin{plugin, slow(&checks)}})
		if len(result.Errors) > 0 {
			t.Fatal(result.Errors)
		}
		seen := checks.Load()
		if seen < 2 {
			t.Errorf("%d checks during the build", seen)
		}
		time.Sleep(60 * time.Millisecond) // three intervals in which nothing must happen
		if after := checks.Load(); after != seen {
			t.Errorf("%d checks after the build", after-seen)
		}
	}
}
