package engine

import (
	"context"
	"io"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/installed"
	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/reuse"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/taskenv"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// results are those of tasks, in a run that keeps them.
type results struct {
	*reuse.Results
	eyes      *observe.Observer
	installed *installed.Installed
	scanner   *taskenv.Scanner

	refresh bool // no result is used, and new ones stand in place of the old

	mu       sync.Mutex // guards what follows
	tasks    map[string]*kept
	upstream map[string]map[string]bool
}

// kept is a task whose result is kept.
type kept struct {
	*reuse.Task
	question taskenv.Question
	reason   string // why it has to run
	not      string // why its result is neither used nor kept
	unseen   bool   // it must not be observed
	answer   taskenv.Answer
}

// usuallyKept are the targets whose results are kept if nothing else is declared.
var usuallyKept = map[string]bool{"build": true, "typecheck": true, "lint": true, "bundle": true}

// openResults opens the results of earlier runs, if they are wanted.
func (r *run) openResults() {
	if r.config.Cache != config.CacheOn && r.config.Cache != config.CacheRefresh || !r.isNode() {
		return
	}
	const folder = rundir.Name + "/cache"
	opened, err := reuse.Open(r.ws.Root, environ.Value(r.environ, "HOME"))
	if err != nil {
		r.notices = append(r.notices, event.Notice{Kind: event.StateUnwritten, Text: "No results are kept: " + err.Error()})
		return
	}
	r.results = &results{Results: opened, eyes: &observe.Observer{}, installed: installed.New(r.ws, opened.Digests(), folder, "installed"),
		scanner: taskenv.NewScanner(opened.Digests(), r.ws.Root, folder, "variables"),
		refresh: r.forced || r.config.Cache == config.CacheRefresh, tasks: map[string]*kept{}, upstream: map[string]map[string]bool{}}
}

func (k *results) close() {
	if k != nil {
		k.eyes.Close()
		k.Prune(context.Background())
		_, _, _ = k.scanner.Save(), k.installed.Save(), k.Close() // the next run knows less
	}
}

// kept is a task whose result is kept; nil if it is not.
func (r *run) kept(t *taskgraph.Task) *kept {
	if r.results == nil {
		return nil
	}
	fixing, _ := script.Find(t.Package, script.LintFix)
	keeps := usuallyKept[t.Target] && t.Script != fixing
	if c := r.declared.Task(t.Package, t.Target, t.Script).Cache; c.Set() {
		keeps = c.Value
	}
	if !keeps {
		return nil
	}
	r.results.mu.Lock()
	defer r.results.mu.Unlock()
	k := r.results.tasks[t.ID]
	if k == nil {
		k = r.newKept(t)
		r.results.tasks[t.ID] = k
	}
	return k
}

func (r *run) newKept(t *taskgraph.Task) *kept {
	state := r.results.installed.Of(t.Package.Dir)
	k := &kept{not: state.Stale, question: r.environmentOf(t)}
	parts := map[string]string{
		"its script":     strings.Join(append(r.scriptTexts(t), r.args(t)...), "\n"),
		"the system":     runtime.GOOS + "/" + runtime.GOARCH,
		"Node's version": r.versions(),
		"the manager":    r.manager(),
	}
	if state.Whole == "" {
		parts["what is installed for it"] = state.Digest.String()
	} else {
		parts["what is installed"] = state.Digest.String()
	}
	for _, entry := range taskenv.Decide(k.question).Keyed {
		name, digest, _ := strings.Cut(entry, "=")
		parts["the variable "+name] = digest
	}
	env := r.settings.Environ(t.Package, r.environ)
	k.Task = &reuse.Task{ID: t.ID, Parts: parts, Upstream: r.results.upstreamLocked(t), Programs: map[string]bool{r.settings.Node.Path: true},
		Path: environ.Value(r.environ, "PATH"), Variables: func(name string) (string, bool) { return environ.Lookup(env, name) }}
	k.Installed = func(file string) (string, string, bool) {
		state, dir, ok := r.results.installed.At(file)
		return state.Digest.String(), dir, ok && state.Stale == ""
	}
	if r.session.Heaps != nil {
		k.Ours = []string{r.session.Heaps.Dir()}
	}
	return k
}

// environmentOf gathers what decides which variables a task gets.
func (r *run) environmentOf(t *taskgraph.Task) taskenv.Question {
	declared, all := r.declared.Task(t.Package, t.Target, t.Script), r.declared.Environment()
	q := taskenv.Question{Environ: r.settings.Environ(t.Package, r.environ), Scripts: r.scriptTexts(t), Test: t.Target == "test",
		Env: append(declared.Env.Value, all.Env...), PassThrough: append(declared.PassThroughEnv.Value, all.PassThroughEnv...)}
	switch {
	case all.Loose:
		q.Mode = taskenv.Loose
	case all.From != "":
		q.Mode = taskenv.Strict
	}
	if m, mistake := packagejson.Parse(t.Package.Manifest); mistake == nil {
		for _, entries := range m.Dependencies {
			q.Dependencies = slices.AppendSeq(q.Dependencies, maps.Keys(entries))
		}
	}
	return q
}

// scriptTexts are the texts of a task's script and of those that run with it.
func (r *run) scriptTexts(t *taskgraph.Task) (texts []string) {
	for _, name := range []string{"pre" + t.Script, t.Script, "post" + t.Script} {
		texts = append(texts, t.Package.Scripts[name])
	}
	return texts
}

// upstreamLocked are the tasks that come before one, in any number of steps.
func (k *results) upstreamLocked(t *taskgraph.Task) map[string]bool {
	if all, ok := k.upstream[t.ID]; ok {
		return all
	}
	all := map[string]bool{}
	for _, a := range t.Predecessors() {
		all[a.ID] = true
		maps.Copy(all, k.upstreamLocked(a))
	}
	k.upstream[t.ID] = all
	return all
}

// look ends a task whose result is known.
func (r *run) look(ctx context.Context, t *taskgraph.Task) (schedule.Outcome, bool) {
	k := r.kept(t)
	if k == nil {
		return schedule.Outcome{}, false
	}
	if k.not != "" || r.results.refresh {
		k.reason = k.not
		return schedule.Outcome{}, false
	}
	hit, reason, err := r.results.Look(ctx, k.Task)
	if hit == nil || err != nil {
		k.reason = reason
		return schedule.Outcome{}, false
	}
	r.session.Events.Emit(event.TaskKnown{Task: r.describe(t), Written: hit.Written, Duration: hit.Duration, CPU: hit.Processor, Peak: hit.Peak})
	return schedule.Outcome{Result: schedule.Done}, true
}

// because is why the task runs although results are kept; only of the first attempt.
func (a *attempt) because() string {
	if k := a.result; k != nil && a.grant.Attempt == 1 && k.reason != reuse.FirstTime {
		return k.reason
	}
	return ""
}

// observer is who observes the attempt; nil if nobody does.
func (a *attempt) observer() *observe.Observer {
	if k := a.result; k == nil || k.unseen || k.not != "" {
		return nil
	}
	return a.results.eyes
}

// environment is what the attempt gets of the environment of the run.
func (a *attempt) environment() []string {
	if a.observer() == nil {
		return a.settings.Environ(a.task.Package, a.environ)
	}
	k := a.result
	if k.answer.Pass == nil {
		k.question.Names = a.namedIn(filepath.Join(a.ws.Root, a.task.Package.Dir))
		k.answer = taskenv.Decide(k.question)
	}
	return k.answer.Pass
}

// namedIn are the variables that the files of a package name.
func (r *run) namedIn(dir string) (names []string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // nobody else can read it either
		case d.IsDir() && path != dir && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") || r.isMember(path)):
			return fs.SkipDir
		case d.Type().IsRegular():
			found, _ := r.results.scanner.Names(path) // as above
			names = append(names, found...)
		}
		return nil
	})
	return names
}

// keep keeps the result of an attempt. One that was disturbed by being observed runs again.
func (a *attempt) keep(o *schedule.Outcome, res runner.Result, log *rundir.Log) {
	if a.observer() == nil {
		return
	}
	if res.Blind != nil {
		a.sayOnce(event.Notice{Kind: event.ResultNotKept, Text: "Results cannot be kept here, as tasks cannot be observed: " + res.Blind.Error()})
		return
	}
	k := a.result
	if why := res.Observation.Disturbed; why != "" && a.finished.Status != event.Interrupted {
		k.unseen = true
		a.results.Forget(k.Task, why)
		if a.finished.Status == event.Failed {
			*o = schedule.Outcome{Result: schedule.Again}
			a.sayOnce(event.Notice{Kind: event.Retrying, Task: a.event.Label, Text: "it was observed, and " + why + ": trying again unobserved"})
		}
		return
	}
	if a.finished.Status != event.Succeeded {
		return
	}
	named := func(path string) []string {
		found, _ := a.results.scanner.Names(path) // what cannot be read names nothing
		return found
	}
	if k.question.Mode != taskenv.Found {
		named = nil // what is declared holds
	}
	done := a.results.Keep(a.runs, k.Task, reuse.Attempt{
		Observation: res.Observation, Passed: k.question.Names, Withheld: k.answer.Withheld, Names: named, Ended: time.Now(),
		Duration: res.Duration - res.Frozen, Processor: res.CPU, Peak: res.Peak, Log: io.NewSectionReader(log, 0, math.MaxInt64),
	}, a.results.refresh)
	if done.Differs != "" {
		a.sayOnce(event.Notice{Kind: event.ResultNotKept, Task: a.event.Label, Text: "it left another " + done.Differs + " than before, from the same inputs: the earlier result stands",
			Hint: "-force keeps the new one"})
	}
}
