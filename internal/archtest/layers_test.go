package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// layers are the packages from the bottom up. A package imports only packages of
// lower layers, so that it can be read, tested and replaced without those above.
var layers = [][]string{
	{"internal/printable", "internal/lazyregexp", "internal/clock", "internal/varint", "internal/version", "internal/pid1", "internal/netfault", "internal/csp", "internal/cpushare", "internal/textswap", "internal/testkit", "internal/signature"},
	{"internal/environ", "internal/proctable", "internal/cgroup", "internal/problem", "internal/nearest", "internal/folder", "internal/confined", "internal/git", "internal/glob", "internal/npmrange", "internal/scripttext", "internal/debian", "internal/diagnostics", "internal/dotenv", "internal/table", "ci"},
	{"memtools", "internal/admission/frame", "internal/browser", "internal/cgrouptest", "internal/packagejson", "internal/gomod", "internal/npmconfig", "pool/internal/frame", "pool/internal/channel", "internal/fingerprint", "internal/objectstore", "internal/trust"},
	{"memtools/oom", "memtools/v8heap", "internal/admission", "internal/shim", "internal/jsonc", "internal/sublimit", "internal/elder", "memtools/esbuildplugin", "internal/pkgmanager", "internal/config", "internal/event", "pool/worker", "pool/internal/queue", "internal/taskcgroup", "internal/ownership", "internal/envelope", "internal/trend"},
	{"internal/workspace", "internal/yarnfiles", "internal/managerprogram", "internal/nodeoptions", "internal/nxcommand", "internal/observe"},
	{"internal/runnerfile", "internal/nxfile", "internal/installed", "internal/installstate", "internal/cilog"},
	{"internal/taskgraph", "internal/declared", "internal/proc", "internal/script", "internal/estimate", "internal/sources", "internal/rundir", "internal/budget", "internal/tally", "pool/internal/inprocess", "internal/affected", "internal/selection", "internal/taskenv", "internal/sighting"},
	{"internal/schedule", "internal/footer", "internal/history", "internal/outputs", "internal/meter", "internal/plan", "internal/doctor", "internal/filetree", "internal/timeline", "pool/internal/process", "internal/turns"},
	{"internal/heap", "internal/runner", "internal/cache", "internal/pathrole", "pool", "internal/whatif", "internal/trace", "internal/otlp", "internal/handon", "internal/httpstore"},
	{"internal/recent", "internal/lastrun", "internal/shard", "internal/summary", "internal/inputs", "internal/onpath", "internal/sharedcache"},
	{"internal/growth", "internal/session", "internal/report", "internal/reuse", "internal/unobserved", "internal/filewatch"},
	{"internal/cachedtask", "internal/planview", "internal/runpage"},
	{"internal/place", "internal/sharding"},
	{"internal/engine", "internal/inspect", "internal/completion", "internal/guard", "internal/commandline", "internal/setup"},
	{"internal/rerun"},
	{"mage", "mage/build", "mage/buildworker", "mage/otlp", "mage/remote"},
}

// ends are outside the layers: nothing imports them.
var ends = map[string]string{
	"internal/archtest":         "it holds tests only",
	"internal/vmtest":           "it holds tests only",
	"internal/vmtest/shapes":    "it holds tests only",
	"internal/workflows":        "it holds tests only",
	"internal/bench":            "a command",
	"internal/pictures":         "a command",
	"internal/release":          "a command",
	"internal/bench/agentcost":  "a part of that command",
	"internal/bench/cage":       "a part of that command",
	"internal/bench/chaos":      "a part of that command",
	"internal/bench/command":    "a part of that command",
	"internal/bench/fixture":    "a part of that command",
	"internal/bench/guarded":    "a part of that command",
	"internal/bench/record":     "a part of that command",
	"internal/bench/shape":      "a part of that command",
	"internal/bench/shards":     "a part of that command",
	"internal/bench/stats":      "a part of that command",
	"pool/bench":                "a command",
	"examples/esbuild-plugin":   "a user's program",
	"internal/vmtest/container": "it holds tests only",
	"internal/servertest":       "for tests only",
}

// rule is what the layers alone do not express.
type rule struct {
	why     string
	imports string   // this package, or those below this path …
	only    []string // … may be imported by these only
}

var rules = []rule{
	{"one package knows how a system measures memory, one its processes, so that a change of library touches few places",
		"github.com/shirou/gopsutil", []string{"memtools", "internal/proctable"}},
	{"targets are sentences: nothing below them knows Mage",
		"github.com/magefile/mage", []string{"mage", "internal/place"}},
	{"one package knows how a system tells that files change",
		"github.com/fsnotify/fsnotify", []string{"internal/filewatch"}},
	{"the console is the only reporter that colours",
		"github.com/fatih/color", []string{"internal/report"}},
	{"the engine is the one place that wires everything together",
		module + "/internal/engine", []string{"mage", "mage/build", "mage/buildworker", "internal/rerun"}},
	{"reporters read events and decide nothing; only the commands put them together",
		module + "/internal/report", []string{"internal/engine", "internal/inspect", "internal/guard", "internal/rerun", "internal/setup"}},
	{"an HTTP client makes the first compilation of the targets a quarter longer: only packages that a magefile imports for it have one (decision 13)",
		"net/http", []string{"internal/httpstore", "internal/netfault", "mage/otlp"}},
	{"the same", module + "/internal/httpstore", []string{"mage/remote"}},
	{"the same", module + "/internal/netfault", []string{"internal/httpstore", "mage/otlp"}},
	{"few packages start processes; the scheduler is given a function and never does",
		"os/exec", []string{"internal/browser", "internal/git", "internal/debian", "internal/testkit", "internal/proc", "internal/guard", "internal/observe", "internal/script", "internal/bench", "internal/bench/agentcost", "internal/bench/chaos", "internal/bench/command", "internal/bench/fixture", "internal/bench/guarded", "internal/bench/shape", "internal/doctor", "internal/pictures", "internal/release", "internal/servertest"}},
}

// standardOnly are public packages for any program: they add no module to its build.
var standardOnly = []string{"ci", "pool/worker"}

func TestLayers(t *testing.T) {
	report(t, checkLayers(loaded(t).packages, layers, ends))
}

func TestRules(t *testing.T) {
	report(t, checkRules(loaded(t).packages, rules))
}

func TestStandardLibraryOnly(t *testing.T) {
	report(t, checkStandardOnly(loaded(t).packages, standardOnly))
}

func checkLayers(packages []*pkg, layers [][]string, ends map[string]string) (faults []string) {
	layer := map[string]int{}
	for n, names := range layers {
		for _, name := range names {
			if _, twice := layer[name]; twice {
				faults = append(faults, name+" is in two layers")
			}
			layer[name] = n
		}
	}
	there := map[string]bool{}
	for _, p := range packages {
		there[p.name] = true
		if _, end := ends[p.name]; end {
			continue
		}
		own, ok := layer[p.name]
		if !ok {
			faults = append(faults, p.name+" has no place among the layers: give it one")
			continue
		}
		for _, path := range p.imports() {
			if below := strings.TrimPrefix(path, module+"/"); isOurs(path) {
				if n, ok := layer[below]; !ok || n >= own {
					faults = append(faults, fmt.Sprintf("%s imports %s, which is not below it", p.name, below))
				}
			}
		}
	}
	for name := range layer {
		if !there[name] {
			faults = append(faults, name+" is gone: remove it from the layers")
		}
	}
	for name := range ends {
		if !there[name] {
			faults = append(faults, name+" is gone: remove it from ends")
		}
	}
	return faults
}

func checkRules(packages []*pkg, rules []rule) (faults []string) {
	for _, r := range rules {
		uses := map[string]bool{}
		for _, p := range packages {
			if slices.ContainsFunc(p.imports(), func(i string) bool { return i == r.imports || strings.HasPrefix(i, r.imports+"/") }) {
				uses[p.name] = true
			}
		}
		for name := range uses {
			if !slices.Contains(r.only, name) && !strings.HasPrefix(name, "examples/") {
				faults = append(faults, fmt.Sprintf("%s imports %s: %s", name, r.imports, r.why))
			}
		}
		for _, name := range r.only {
			if !uses[name] {
				faults = append(faults, fmt.Sprintf("%s no longer imports %s: remove it from the rule", name, r.imports))
			}
		}
	}
	return faults
}

func checkStandardOnly(packages []*pkg, names []string) (faults []string) {
	byName := map[string]*pkg{}
	for _, p := range packages {
		byName[p.name] = p
	}
	for _, name := range names {
		if byName[name] == nil {
			faults = append(faults, name+" is gone: remove it from standardOnly")
			continue
		}
		seen := map[string]bool{}
		var visit func(p *pkg)
		visit = func(p *pkg) {
			for _, path := range p.imports() {
				if seen[path] {
					continue
				}
				seen[path] = true
				if below := byName[strings.TrimPrefix(path, module+"/")]; isOurs(path) && below != nil {
					visit(below)
				} else if domain, _, _ := strings.Cut(path, "/"); strings.Contains(domain, ".") {
					faults = append(faults, fmt.Sprintf("%s needs %s, which is not of the standard library", name, path))
				}
			}
		}
		visit(byName[name])
	}
	return faults
}
