package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/heapmage/heapmage/"

// layers are the packages from the bottom up. A package imports packages of
// lower layers only, so that each can be read, tested and replaced without
// those above it.
var layers = [][]string{
	{"internal/environ", "internal/proctable", "internal/problem", "internal/nearest", "internal/folder", "internal/glob", "internal/npmrange"},
	{"memtools", "internal/packagejson", "internal/gomod", "pool/internal/frame", "pool/internal/channel"},
	{"memtools/oom", "memtools/v8heap", "memtools/esbuildplugin", "internal/pkgmanager", "internal/config", "internal/event", "pool/worker", "pool/internal/queue"},
	{"internal/workspace"},
	{"internal/taskgraph", "internal/proc", "internal/script", "internal/estimate", "internal/sources", "internal/rundir", "internal/budget", "internal/tally", "pool/internal/inprocess"},
	{"internal/schedule", "internal/history", "internal/outputs", "internal/meter", "internal/plan", "internal/doctor", "pool/internal/process"},
	{"internal/heap", "internal/runner", "pool"},
	{"internal/session", "internal/report"},
	{"internal/engine"},
	{"mage", "mage/build", "mage/buildworker"},
}

// rules are what the layers alone do not say.
var rules = []struct {
	why     string
	imports string   // this package or prefix …
	only    []string // … is imported by these only
}{
	{"one package knows how a system measures memory, so that a change of library touches one place",
		"github.com/shirou/gopsutil", []string{"memtools"}},
	{"targets are sentences: nothing below them knows Mage",
		"github.com/magefile/mage", []string{"mage", "mage/build", "internal/engine"}},
	{"the console is the only reporter that colours",
		"github.com/fatih/color", []string{"internal/report"}},
	{"the engine is the one place that wires everything together",
		module + "internal/engine", []string{"mage", "mage/build", "mage/buildworker"}},
	{"reporters read events and decide nothing; only the engine puts them together",
		module + "internal/report", []string{"internal/engine"}},
	{"few packages start processes; the scheduler is given a function and never does",
		"os/exec", []string{"internal/proc", "internal/script", "internal/bench", "internal/doctor", "memtools"}},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func TestImportsPointDown(t *testing.T) {
	layer := map[string]int{}
	for n, names := range layers {
		for _, name := range names {
			layer[name] = n
		}
	}
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(name, "examples/") || name == "internal/archtest" || name == "internal/bench" || name == "pool/bench" {
			continue // nothing imports them
		}
		own, ok := layer[name]
		if !ok {
			t.Errorf("%s has no place among the layers: give it one", name)
			continue
		}
		for _, i := range p.Imports {
			below, ours := strings.CutPrefix(i, module)
			if ours && layer[below] >= own {
				t.Errorf("%s imports %s, which is not below it", name, below)
			}
		}
	}
}

func TestRules(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, r := range rules {
			uses := slices.ContainsFunc(p.Imports, func(i string) bool { return i == r.imports || strings.HasPrefix(i, r.imports+"/") })
			if uses && !slices.Contains(r.only, name) && !strings.HasPrefix(name, "examples/") {
				t.Errorf("%s imports %s: %s", name, r.imports, r.why)
			}
		}
	}
}
