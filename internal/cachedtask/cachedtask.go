// Package cachedtask tells of which tasks results are kept, and gathers what is known of one
// before it runs: what its result depends on beside files, and which variables it gets.
package cachedtask

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/installed"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/reuse"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/taskenv"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/unobserved"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Setting is what the tasks of a run have in common.
type Setting struct {
	Workspace *workspace.Workspace
	Declared  *declared.Model
	// Environ returns the environment that the scripts of a package start from.
	Environ func(*workspace.Package) []string
	// FromFiles are the names of the variables in it that the package manager has read from
	// files; nil means none.
	FromFiles func(*workspace.Package) []string
	// Digests are those of the workspace's files.
	Digests *fingerprint.Digests
	// Node is the path of Node, Versions what runs the scripts with its version, and Manager
	// the package manager with its.
	Node, Versions, Manager string
	// Results are those of earlier runs if tasks are not observed; nil if they are.
	Results *reuse.Results
}

// Tasks are those of a run. They may be used by several goroutines.
type Tasks struct {
	Setting
	// Unobserved tells what tasks read and write; nil if they are observed.
	Unobserved *unobserved.Tasks
	installed  *installed.Installed
	scanner    *taskenv.Scanner

	mu       sync.Mutex // guards what follows
	upstream map[string]map[string]bool
	known    map[string]string // digests of what is known of tasks, but for files
	decided  map[decision][]string
	kept     map[string]*Kept // by ID
}

// Task is a task whose result is kept.
type Task struct {
	*reuse.Task
	// Question is what decides which variables it gets.
	Question taskenv.Question
	// Stale is why its result is neither used nor kept: what is installed is not what the
	// lock file says. It is empty if it is.
	Stale string
	// Afresh is set if what it left earlier is removed before it runs.
	Afresh bool
	// Inputs are the files that it is taken to read, if tasks are not observed.
	Inputs []string
}

const folder = rundir.Name + "/cache"

// Open reads what earlier runs have kept about the files of a workspace.
func Open(s Setting) *Tasks {
	k := &Tasks{Setting: s, installed: installed.New(s.Workspace, s.Digests, folder, "installed"),
		scanner:  taskenv.NewScanner(s.Digests, s.Workspace.Root, folder, "variables"),
		upstream: map[string]map[string]bool{}, known: map[string]string{}, decided: map[decision][]string{}, kept: map[string]*Kept{}}
	if s.Results != nil {
		k.Unobserved = unobserved.Open(unobserved.Setting{Workspace: s.Workspace, Declared: s.Declared, Left: k.left, Owned: s.Results.Owned})
	}
	return k
}

// Save keeps what was found out for later runs.
func (k *Tasks) Save() error { return errors.Join(k.scanner.Save(), k.installed.Save()) }

// usual are the targets whose results are kept if nothing else is declared.
var usual = []string{"build", "typecheck", "lint", "bundle"}

// notKept is why the result of a task is not kept; empty if it is.
func (k *Tasks) notKept(t *taskgraph.Task) string {
	fixing, _ := script.Find(t.Package, script.LintFix)
	switch c := k.Declared.Task(t.Package, t.Target, t.Script).Cache; {
	case c.Set() && c.Value:
		return ""
	case c.Set():
		return "cache: false stands in " + c.From
	case t.Script == fixing && slices.Contains(usual, t.Target):
		return "it changes the sources"
	case !slices.Contains(usual, t.Target):
		return fmt.Sprintf("of tasks called %s they are only if that is declared: tasks: {%s: {cache: true}}", t.Target, t.Target)
	}
	return ""
}

// of gathers what is known of a task. If tasks are not observed, those before it must have
// ended, as what they left is a part of it.
func (k *Tasks) of(ctx context.Context, t *taskgraph.Task) *Task {
	task := k.base(t)
	if k.Unobserved != nil {
		k.addUnobserved(ctx, t, task)
	}
	return task
}

// base is what is known of a task, but for the files that an unobserved one reads.
func (k *Tasks) base(t *taskgraph.Task) *Task {
	state := k.installed.Of(t.Package.Dir)
	task := &Task{Stale: state.Stale, Question: k.environmentOf(t)}
	incremental := k.Declared.Task(t.Package, t.Target, t.Script).Incremental
	task.Afresh = incremental.Set() && !incremental.Value
	parts := map[string]string{
		"its script":     strings.Join(scriptTexts(t), "\n"),
		"the system":     system(),
		"Node's version": k.Versions,
		"the manager":    k.Manager,
	}
	if state.Whole == "" {
		parts["what is installed for it"] = state.Digest.String()
	} else {
		parts["what is installed"] = state.Digest.String()
	}
	if len(t.Args) > 0 {
		parts["its arguments"] = scripttext.QuoteAll(t.Args)
	}
	if task.Afresh {
		parts["that it starts afresh"] = ""
	}
	for _, entry := range k.keyed(task.Question) {
		name, digest, _ := strings.Cut(entry, "=")
		parts["the variable "+name] = digest
	}
	env := task.Question.Environ
	task.Task = &reuse.Task{ID: t.ID, Parts: parts, Upstream: k.upstreamOf(t), Folder: filepath.ToSlash(t.Package.Dir), Programs: map[string]bool{k.Node: true},
		Path: environ.Value(env, "PATH"), Variables: func(name string) (string, bool) { return environ.Lookup(env, name) }}
	task.Installed = func(file string) (string, string, bool) {
		state, dir, ok := k.installed.At(file)
		return state.Digest.String(), dir, ok && state.Stale == ""
	}
	return task
}

// environmentOf gathers what decides which variables a task gets.
func (k *Tasks) environmentOf(t *taskgraph.Task) taskenv.Question {
	declared, all := k.Declared.Task(t.Package, t.Target, t.Script), k.Declared.Environment()
	q := taskenv.Question{Environ: k.Environ(t.Package), Scripts: scriptTexts(t), Test: t.Target == "test",
		Env: slices.Concat(declared.Env.Value, all.Env), PassThrough: append(declared.PassThroughEnv.Value, all.PassThroughEnv...)}
	if k.FromFiles != nil {
		q.Env = append(q.Env, k.FromFiles(t.Package)...)
	}
	switch {
	case all.Loose:
		q.Mode = taskenv.Loose
	case all.From != "":
		q.Mode = taskenv.Strict
	}
	if !taskenv.NamesFramework(t.Package.Manifest) {
		return q
	}
	if m, mistake := packagejson.Parse(t.Package.Manifest); mistake == nil {
		for _, entries := range m.Dependencies {
			q.Dependencies = slices.AppendSeq(q.Dependencies, maps.Keys(entries))
		}
	}
	return q
}

// decision is a question on variables; many tasks ask the same one.
type decision struct {
	environ *string // the first of the environment, which packages share
	count   int
	text    string // all else
}

// keyed are the variables that change the result of a task, as far as is known without its
// files: "NAME=digest".
func (k *Tasks) keyed(q taskenv.Question) []string {
	d := decision{count: len(q.Environ)}
	if d.count > 0 {
		d.environ = &q.Environ[0]
	}
	for _, list := range [][]string{q.Env, q.PassThrough, q.Dependencies, q.Scripts, {strconv.Itoa(int(q.Mode)), strconv.FormatBool(q.Test)}} {
		d.text += strconv.Itoa(len(list)) + "\x00" + strings.Join(list, "\x00") + "\x00"
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	keyed, ok := k.decided[d]
	if !ok {
		keyed = taskenv.Decide(q).Keyed
		k.decided[d] = keyed
	}
	return keyed
}

// scriptTexts are the texts of a task's script and of those that run with it.
func scriptTexts(t *taskgraph.Task) (texts []string) {
	for _, name := range []string{"pre" + t.Script, t.Script, "post" + t.Script} {
		texts = append(texts, t.Package.Scripts[name])
	}
	return texts
}

// upstreamOf are the IDs of the tasks that come before one, in any number of steps.
func (k *Tasks) upstreamOf(t *taskgraph.Task) map[string]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	all, known := k.upstream[t.ID]
	if !known {
		all = map[string]bool{}
		for _, before := range t.Upstream() {
			all[before.ID] = true
		}
		k.upstream[t.ID] = all
	}
	return all
}

// NamedBy are the variables that a file names. What cannot be read names none.
func (k *Tasks) NamedBy(path string) []string {
	found, _ := k.scanner.Names(path)
	return found
}

// Decide decides which variables a task of a package gets: also those that its files name.
func (k *Tasks) Decide(task *Task, pkg *workspace.Package) taskenv.Answer {
	task.Question.Names = k.namedIn(pkg)
	for _, name := range task.Inputs {
		task.Question.Names = append(task.Question.Names, k.NamedBy(filepath.Join(k.Workspace.Root, filepath.FromSlash(name)))...)
	}
	return taskenv.Decide(task.Question)
}

// namedIn are the variables that the files of a package name.
func (k *Tasks) namedIn(pkg *workspace.Package) (names []string) {
	dir := filepath.Join(k.Workspace.Root, pkg.Dir)
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // no tool can read it either
		case d.IsDir() && path != dir && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") || k.Workspace.IsFolder(path)):
			return fs.SkipDir
		case d.Type().IsRegular():
			names = append(names, k.NamedBy(path)...)
		}
		return nil
	})
	return names
}
