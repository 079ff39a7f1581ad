package doctor

import (
	"strings"
	"testing"

	"github.com/heapmage/heapmage/memtools"
)

const gb = memtools.GB

// well is a set-up without a fault.
func well() Facts {
	return Facts{
		NodePath: "/usr/bin/node", NodeVersion: "22.1.0", NodeMajor: 22, GCFreed: 100 * memtools.MB,
		Limits: memtools.Limits{Machine: 16 * gb, Effective: 16 * gb, EffectiveSource: "the machine's memory", Available: 12 * gb, Swap: gb},
		Budget: 12 * gb, HeapLimit: 8 * gb,
	}
}

func TestExamine(t *testing.T) {
	for _, tt := range []struct {
		claim  string
		change func(*Facts)
		check  string
		level  Level
		what   string
	}{
		{"names node and its version", func(*Facts) {}, "node", OK, "Node 22.1.0"},
		{"a missing node is a problem", func(f *Facts) { f.NodeError = "node is not on the PATH" }, "node", Problem, "not on the PATH"},
		{"an old node is a warning", func(f *Facts) { f.NodeMajor, f.NodeVersion = 18, "18.1.0" }, "node", Warning, "18.1.0"},
		{"an option that node refuses is a problem", func(f *Facts) { f.NodeOptionsError = "node: --nope is not allowed" }, "node-options", Problem, "--nope"},
		{"a gc out of reach is a problem", func(f *Facts) { f.GCError = "no answer" }, "gc", Problem, "no answer"},
		{"a system without it is not", func(f *Facts) { f.GCUnsupported = true }, "gc", OK, "not collected on this system"},
		{"little free memory is a problem", func(f *Facts) {
			f.Limits.Available, f.MoreRoom = 512*memtools.MB, "raise the container's limit"
		}, "memory", Problem, "512.00MB"},
		{"a heap limit above the memory is a warning", func(f *Facts) { f.UserHeapLimit, f.UserHeapSource = 32*gb, "NODE_OPTIONS" }, "heap-limit", Warning, "NODE_OPTIONS is 32GB"},
		{"a heap limit that fits is well", func(f *Facts) { f.UserHeapLimit, f.UserHeapSource = 4*gb, "NODE_OPTIONS" }, "heap-limit", OK, "which fits"},
		{"memory.high below the limit is a warning", func(f *Facts) { f.Limits.Soft, f.Limits.SoftSource = 4*gb, "memory.high of cgroup v2 /a" }, "memory-high", Warning, "memory.high"},
		{"a container's limit is named", func(f *Facts) { f.Limits.Effective, f.Limits.EffectiveSource = 7*gb, "cgroup v2 /a" }, "container", OK, "cgroup v2 /a"},
		{"a pod is killed whole", func(f *Facts) { f.Kubernetes, f.Limits.Effective = true, 7*gb }, "container", Warning, "limited to 7168.00MB"},
		{"a pod without a limit is a warning", func(f *Facts) { f.Kubernetes = true }, "container", Warning, "no memory limit"},
		{"a script with its own limit is a warning", func(f *Facts) {
			f.Overrides = []Script{{Packages: []string{"core"}, Name: "build", Text: "--max-old-space-size=50"}}
		}, "script", Warning, "core: the script build sets --max-old-space-size=50 itself"},
		{"what packages have in common is there once, with their number", func(f *Facts) {
			f.Overrides = []Script{{Packages: []string{"a", "b", "c", "d", "e", "f"}, Name: "build", Text: "--max-old-space-size=50"}}
		}, "script", Warning, "6 packages (a, b, c, d and 2 more): the script build sets"},
		{"an engine that is not there is a warning", func(f *Facts) {
			f.Engines = []Engine{{Program: "node", Range: ">=24", Version: "22.1.0", Packages: []string{"core", "web"}}}
		}, "engines", Warning, "2 packages (core, web): engines in package.json asks for node >=24, but 22.1.0 is used"},
		{"one without which nothing is installed is a problem", func(f *Facts) {
			f.Engines = []Engine{{Program: "node", Range: ">=24", Version: "22.1.0", Packages: []string{"core"}, Refused: true}}
		}, "engines", Problem, "core: engines"},
		{"the manager that is declared is named", func(f *Facts) {
			f.Manager = Manager{Name: "pnpm", Declared: "9.1.0", Version: "9.1.0", From: "package.json"}
		}, "manager", OK, "pnpm 9.1.0, as package.json declares"},
		{"so is one that is not declared", func(f *Facts) { f.Manager = Manager{Name: "npm", Version: "10.1.0"} }, "manager", OK, "npm 10.1.0; package.json declares no version"},
		{"another version than the declared one is a warning", func(f *Facts) {
			f.Manager = Manager{Name: "pnpm", Declared: "9.1.0", Version: "9.5.0", From: "package.json", Hint: "run: x"}
		}, "manager", Warning, "package.json declares pnpm 9.1.0, but 9.5.0 is used"},
		{"unless it runs the declared one", func(f *Facts) {
			f.Manager = Manager{Name: "pnpm", Declared: "9.1.0", Version: "10.5.0", From: "package.json", Switches: true}
		}, "manager", OK, "10.5.0, which is installed, runs that version itself"},
		{"a manager that is not there is a problem", func(f *Facts) { f.Manager = Manager{Name: "pnpm", Error: "asks for pnpm", Hint: "run: x"} }, "manager", Problem, "asks for pnpm"},
		{"a link in the way can be removed", func(f *Facts) { f.StateError, f.StateLink = "it is a symbolic link", "/x" }, "state", Warning, "symbolic link"},
		{"a worker that is not there is a problem", func(f *Facts) { f.MissingFiles = []Script{{Packages: []string{"core"}, Name: "build", Text: "w.js"}} }, "worker", Problem, "core: w.js, which the script build starts, does not exist"},
		{"a word that is no option is a warning", func(f *Facts) { f.NodeOptionsDead = `"node" in NODE_OPTIONS` }, "node-options", Warning, `"node" in NODE_OPTIONS is not an option`},
		{"no options for Node are well", func(*Facts) {}, "node-options", OK, "no options are set"},
		{"options for Node are named", func(f *Facts) { f.NodeOptions = []string{"--a", "--b"} }, "node-options", OK, "Node gets --a --b"},
		{"so is the file that they come from", func(f *Facts) { f.NodeOptions, f.NodeOptionsFrom = []string{"--a"}, ".npmrc" }, "node-options", OK, "from NODE_OPTIONS and .npmrc"},
		{"what a collection frees is named", func(*Facts) {}, "gc", OK, "freed 100.00MB"},
		{"our heap limit is named", func(*Facts) {}, "heap-limit", OK, "8192.00MB inside a budget"},
		{"swap is named", func(*Facts) {}, "swap", OK, "1024.00MB of swap"},
		{"no swap is well", func(f *Facts) { f.Limits.Swap = 0 }, "swap", OK, "no swap"},
		{"a folder that cannot be written is a warning", func(f *Facts) { f.StateError = "read-only" }, "state", Warning, "read-only"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			f := well()
			tt.change(&f)
			findings := examine(f)
			for _, got := range findings {
				if got.Check == tt.check && got.Level == tt.level && strings.Contains(got.What, tt.what) {
					if got.Level != OK && (got.Why == "" || got.Do == "") {
						t.Errorf("no reason or no advice: %+v", got)
					}
					if n := problems(findings); (n > 0) != (tt.level == Problem) {
						t.Errorf("%d problems", n)
					}
					return
				}
			}
			t.Errorf("not found among %+v", findings)
		})
	}
	t.Run("the advice for a pod names the budget that holds", func(t *testing.T) {
		f := well()
		f.Kubernetes, f.Limits.Effective, f.Budget = true, 7*gb, 6*gb
		for _, got := range container(f) {
			if !strings.Contains(got.Do, "6144.00MB") {
				t.Errorf("got %q", got.Do)
			}
		}
	})
	if n := problems(examine(well())); n > 0 {
		t.Errorf("a set-up without a fault has %d problems", n)
	}
	t.Run("a Go workspace has no findings about Node", func(t *testing.T) {
		for _, got := range examine(Facts{}) {
			if got.Check != "state" {
				t.Errorf("%+v", got)
			}
		}
	})
}
