package engine

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/history"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// historyFile is where a workspace's history lies.
func historyFile(root string) string { return filepath.Join(root, stateDir, "history.jsonl") }

// fromConfig is the basis of a need that the user set.
const fromConfig history.Basis = "packages: in heapmage.yaml"

// openHistory reads what earlier runs took. Without it every task is new.
func (p *prepared) openHistory() {
	var err error
	if p.history, err = history.Open(historyFile(p.ws.Root)); err != nil {
		p.notices = append(p.notices, event.Notice{Kind: event.HistoryLost, Text: err.Error(), Hint: "make it readable, or remove it"})
		p.history = nil
		return
	}
	if n := p.history.Damaged(); n > 0 {
		p.notices = append(p.notices, event.Notice{Kind: event.StateDamaged,
			Text: fmt.Sprintf("%d lines of the history could not be read and were set aside in %s/history.jsonl.damaged", n, stateDir)})
	}
}

// predict says what a task probably needs.
func (p *prepared) predict(t *taskgraph.Task) history.Prediction {
	known := history.Unknown(p.budget)
	if p.history != nil {
		known = p.history.Predict(history.Question{
			Task: t.ID, Tool: p.tool(t), Sources: p.sources[t.Package], HeapLimit: heapFor(p.heapRequest(t, history.Prediction{})).Limit, Budget: p.budget,
		})
	}
	if need := p.config.Lookup(t.Package.Keys()).Need.Of(p.limits.Effective); need > 0 {
		known.Need, known.Basis = need, fromConfig
	}
	return known
}

func (p *prepared) estimate(t *taskgraph.Task) schedule.Estimate {
	known := p.predict(t)
	return schedule.Estimate{Need: known.Need, Length: known.Length, Cores: known.Cores}
}

// remember adds an attempt to the history. What was ended from outside, and
// what ran with further arguments, says nothing of the next run.
func (r *run) remember(t unit, g schedule.Grant, h heap, f event.TaskFinished, res runner.Result) {
	outcome, ok := outcomeOf(f, res, g.Need)
	if r.history == nil || !ok || len(t.args) > 0 {
		return
	}
	sample := history.Sample{
		Time: time.Now(), Outcome: outcome, Peak: f.Peak, Duration: f.Duration - res.Frozen, CPU: f.CPU,
		Tool: r.tool(t.Task), Versions: r.versions(),
		// A script may have written sources of its own, which are there next time.
		Sources: max(r.sources[t.Package], r.sourcesOf(t.Package)),
	}
	if r.ws.Manager != workspace.Go {
		sample.HeapLimit = h.Limit
	}
	if err := r.history.Add(t.ID, sample); err != nil {
		r.sayOnce(event.Notice{Kind: event.HistoryLost, Text: "What the tasks take cannot be remembered: " + err.Error(), Hint: "make " + stateDir + " writable"})
	}
}

// outcomeOf is how an attempt stands in the history, and whether it does.
func outcomeOf(f event.TaskFinished, res runner.Result, need memtools.Bytes) (history.Outcome, bool) {
	switch f.Status {
	case event.Succeeded:
		return history.Succeeded, true
	case event.Failed:
		return history.Failed, f.Cause != string(oom.Failure) || f.ExitCode > 0 // it did start
	case event.OutOfMemory:
		switch res.Verdict.Cause {
		case oom.V8Heap, oom.NodeWorker, oom.JVMHeap:
			return history.OutOfHeap, true
		default:
			return history.Killed, true
		}
	case event.Stopped:
		return history.Killed, f.Peak > need // else another was the cause
	default:
		return "", false
	}
}

func (p *prepared) versions() string {
	if p.ws.Manager == workspace.Go {
		return "go " + strings.TrimPrefix(runtime.Version(), "go")
	}
	if p.settings == nil {
		return ""
	}
	return "node " + p.settings.Node.Version
}

// launchers start the program that stands after them.
var launchers = []string{"cross-env", "env", "npx", "pnpm", "yarn", "bunx", "exec", "dlx", "run", "node", "time", "dotenv"}

var segments = regexp.MustCompile(`&&|\|\||[;|\n]`)

// tool names the programs of a task's script: "tsc", or "rimraf+tsc". Tasks of
// the same tools are alike.
func (p *prepared) tool(t *taskgraph.Task) string {
	return toolOf(t.Package.Scripts[t.Script])
}

func toolOf(script string) string {
	var tools []string
	for _, segment := range segments.Split(script, -1) {
		for _, word := range strings.Fields(segment) {
			word = strings.Trim(word, `"'`)
			if strings.Contains(word, "=") || strings.HasPrefix(word, "-") || slices.Contains(launchers, word) {
				continue
			}
			tools = append(tools, path.Base(word))
			break
		}
	}
	return strings.Join(tools, "+")
}

// sourceExts are the files whose size says how much a compiler has to read.
var sourceExts = []string{".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte", ".astro", ".css", ".scss", ".less", ".go"}

// notSources are folders that hold what was installed, built or recorded.
var notSources = []string{"node_modules", "dist", "build", "out", "lib", "coverage", "vendor", "target"}

// measureSources takes the size of the sources of packages.
func (p *prepared) measureSources(packages []*workspace.Package) {
	p.sources, p.folders = map[*workspace.Package]memtools.Bytes{}, map[string]bool{}
	for _, pkg := range p.everyPackage() {
		p.folders[filepath.Join(p.ws.Root, pkg.Dir)] = true
	}
	work := make(chan *workspace.Package)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for pkg := range work {
				size := p.sourcesOf(pkg)
				mu.Lock()
				p.sources[pkg] = size
				mu.Unlock()
			}
		})
	}
	for _, pkg := range packages {
		work <- pkg
	}
	close(work)
	all.Wait()
}

// sourcesOf is the size of a package's sources. Folders of outputs and other packages
// below do not count.
func (p *prepared) sourcesOf(pkg *workspace.Package) memtools.Bytes {
	return sourcesIn(filepath.Join(p.ws.Root, pkg.Dir), p.folders)
}

// mostSources bounds the look at one package.
const mostSources = 20_000

func sourcesIn(dir string, members map[string]bool) memtools.Bytes {
	var sum memtools.Bytes
	files := 0
	// What cannot be read is not counted.
	_ = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		name := ""
		if d != nil {
			name = d.Name()
		}
		switch {
		case err != nil:
			return nil
		case d.IsDir() && file != dir && (strings.HasPrefix(name, ".") || slices.Contains(notSources, name) || members[file]):
			return filepath.SkipDir
		case !d.Type().IsRegular() || !slices.Contains(sourceExts, path.Ext(name)):
			return nil
		}
		if files++; files > mostSources {
			return filepath.SkipAll
		}
		if info, err := d.Info(); err == nil {
			sum += memtools.Bytes(info.Size())
		}
		return nil
	})
	return sum
}
