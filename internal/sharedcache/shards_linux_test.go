package sharedcache_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/heapmage/heapmage/internal/cgrouptest"
	"github.com/heapmage/heapmage/internal/testkit"
)

// TestShards: two runners that share a server leave together what one machine leaves, whether they run one
// after the other or at once. Each is a clone in a cgroup of its own.
func TestShards(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			m, _ := newTeamOn(t, start)
			want := m.alone()
			const limit = 400 // MB
			planner := m.clone()
			planner.commit()
			planner.env = []string{"HEAPMAGE_CACHE_REMOTE=file:unused", "HEAPMAGE_CACHE_WRITE=never"} // nothing is known
			planner.learn()
			matrix := []string{"ci:matrix", "-runners=2", fmt.Sprintf("-memory=%dMB", limit), "-cpus=1", "-setup=0s", "-plan=plan.json", "-format=github"}
			if out := planner.build(false, matrix...); !strings.Contains(out, `"shard":"2/2"`) {
				t.Fatalf("it is not divided:\n%s", out)
			}
			plan, err := os.ReadFile(filepath.Join(planner.root, "plan.json"))
			if err != nil {
				t.Fatal(err)
			}
			// shard runs a shard in a clone, and returns what it has left and what has run.
			shard := func(n int) (left map[string]string, names string) {
				c := m.clone()
				c.commit()
				testkit.WriteAll(t, c.root, map[string]string{"../plan.json": string(plan)})
				c.group = cgrouptest.New(t, limit<<20)
				out := c.build(true, "build", fmt.Sprintf("-shard=%d/2", n), "-plan=../plan.json")
				if kills := c.group.Kills(); kills != 0 {
					t.Errorf("the kernel has killed %d processes:\n%s", kills, out)
				}
				return c.outputs(), ran(out)
			}
			together := func(parts ...map[string]string) {
				t.Helper()
				all := map[string]string{}
				for _, part := range parts {
					for name, text := range part {
						if before, ok := all[name]; ok && before != text {
							t.Errorf("%s is %q and %q", name, before, text)
						}
						all[name] = text
					}
				}
				if !maps.Equal(all, want) {
					t.Errorf("together they have left %q, want %q", all, want)
				}
			}
			t.Run("at once", func(t *testing.T) {
				var parts [2]map[string]string
				var group sync.WaitGroup
				for n := range parts {
					group.Go(func() { parts[n], _ = shard(n + 1) })
				}
				group.Wait()
				together(parts[:]...)
			})
			t.Run("once more, when all is known", func(t *testing.T) {
				one, first := shard(1)
				two, second := shard(2)
				if together(one, two); first+second != "" {
					t.Errorf("%q and %q ran", first, second)
				}
			})
			t.Run("one after the other", func(t *testing.T) {
				m.key = newSecret(t) // nothing that is there counts
				planner.sh("rm plan.json")
				testkit.WriteAll(t, planner.root, map[string]string{"heapmage.yaml": m.settings()})
				planner.commit()
				planner.build(false, matrix...)
				if plan, err = os.ReadFile(filepath.Join(planner.root, "plan.json")); err != nil {
					t.Fatal(err)
				}
				one, first := shard(1)
				two, second := shard(2)
				together(one, two)
				names := strings.Fields(first + " " + second)
				slices.Sort(names)
				if got := strings.Join(names, " "); got != "a b c d x y" {
					t.Errorf("%q and %q ran: each task is to run once", first, second)
				}
			})
		})
	}
}

// learn has the history know tasks that are worth a second runner: two that take as long as the chain.
func (c *clone) learn() {
	c.Helper()
	var tasks []string
	for i, name := range []string{"a", "b", "c", "d", "x", "y"} {
		seconds := 2
		if i > 3 {
			seconds = 8
		}
		tasks = append(tasks, fmt.Sprintf(`"%s#build": [{"time": "2026-11-27T00:00:00Z", "outcome": "succeeded", "peak": "100MB", "duration": "%ds", "cpu": "%ds", "heapLimit": "4096MB", "tool": "node", "versions": "node 20.20.2"}]`, name, seconds, seconds))
	}
	dir := c.TempDir()
	testkit.WriteAll(c.T, dir, map[string]string{"history.json": `{"heapmageHistory": 1, "tasks": {` + strings.Join(tasks, ",") + `}}`})
	c.build(false, "memory:import", "-file="+filepath.Join(dir, "history.json"))
}
