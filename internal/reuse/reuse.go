// Package reuse decides whether a task's result is known, puts known results back and keeps
// new ones. What a task reads and writes was observed while it ran (package observe), so
// nothing has to be configured. What cannot be proved is not kept: a needless miss is a
// nuisance, a wrong hit is a lie. docs/caching.md has the rules.
package reuse

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/git"
	"github.com/heapmage/heapmage/internal/inputs"
	"github.com/heapmage/heapmage/internal/lastrun"
	"github.com/heapmage/heapmage/internal/onpath"
	"github.com/heapmage/heapmage/internal/ownership"
	"github.com/heapmage/heapmage/internal/pathrole"
	"github.com/heapmage/heapmage/internal/recent"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/sharedcache"
	"github.com/heapmage/heapmage/internal/turns"
	"github.com/heapmage/heapmage/memtools"
)

// Task is what is known of a task before it runs.
type Task struct {
	// ID names it.
	ID string
	// Parts are what its result depends on beside files, by name, such as the text of its
	// script. A value is never kept in clear: give a digest of what may be secret.
	Parts map[string]string
	// Upstream are the IDs of the tasks that come before it, in any number of steps.
	Upstream map[string]bool
	// Variables looks up a variable in the environment of the run.
	Variables func(name string) (value string, set bool)
	// Installed returns what is installed in the package of node_modules to which a file
	// belongs, and that package's folder; ok is false if the file is in none that the
	// package manager knows.
	Installed func(file string) (state, dir string, ok bool)
	// Ours are folders of heapmage itself, in which its sockets are.
	Ours []string
	// Programs are files whose content counts by their version, which is one of Parts.
	Programs map[string]bool
	// Folder is that of its package, relative to the workspace, with slashes; "." is the root.
	Folder string
	// Path is where programs are looked for: the variable of that name in the environment of
	// the run.
	Path string
}

// folder is where the results of a workspace are, and what else is kept about its tasks.
const folder = rundir.Name + "/cache"

// Results are those of a workspace's tasks. They may be used by several goroutines.
type Results struct {
	root, home string
	temps      []string
	cache      *cache.Store
	digests    *fingerprint.Digests
	owners     *ownership.Table
	recents    recent.Results
	lasts      *lastrun.Notes
	turns      *turns.Turns
	files      *os.Root
	programs   *onpath.Programs
	added      atomic.Bool // something was kept in this run
	lookOnly   bool
	shared     *sharedcache.Cache // nil if there is none

	trackedOnce sync.Once
	tracked     map[string]bool

	mu      sync.Mutex
	placed  map[string]*cache.Entry // the results that are in place, by task
	running map[string]turn         // the tasks that run
}

// Open opens the results of the workspace at root, which is a path without links. home is
// the user's folder.
func Open(root, home string) (*Results, error) {
	files, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	digests := fingerprint.Open(root, folder, "digests")
	return &Results{root: root, temps: pathrole.Temps(), home: home, cache: cache.In(root), files: files,
		digests: digests, programs: &onpath.Programs{Content: digests.Content}, owners: ownership.Load(root, folder),
		recents: recent.Open(root, folder, "recent", inputs.Format), lasts: lastrun.In(root, folder+"/last"), turns: turns.In(root, folder+"/running"),
		placed: map[string]*cache.Entry{}, running: map[string]turn{}}, nil
}

// LookOnly has results be looked at, and nothing be written. Call it before anything else;
// neither Look nor Keep is to be called, and Close keeps nothing.
func (r *Results) LookOnly() {
	r.lookOnly, r.cache.LookOnly = true, true
	r.digests.LookOnly()
}

// Prune bounds what is kept, if this run has kept anything.
func (r *Results) Prune(ctx context.Context) {
	if r.added.Load() {
		_, _ = r.cache.Prune(ctx, 0) // the next run tries again
	}
}

// Digests are those of the workspace's files.
func (r *Results) Digests() *fingerprint.Digests { return r.digests }

// Close keeps what was learnt for the next run.
func (r *Results) Close() error {
	r.cache.Close()
	r.turns.Close()
	r.lasts.Close()
	if r.lookOnly {
		return r.files.Close()
	}
	return errors.Join(r.digests.Save(), r.owners.Save(), r.recents.Save(), r.files.Close())
}

// Left are the files that a task left and that are its outputs now, relative to the
// workspace, with slashes, in no order. Empty means that none are known.
func (r *Results) Left(task string) (paths []string) {
	for path, state := range r.owners.Files(task) {
		if state != fingerprint.Absent {
			paths = append(paths, path)
		}
	}
	return paths
}

// Owned reports whether a file of the workspace is the output of a task.
func (r *Results) Owned(path string) bool { return len(r.owners.Of(path)) > 0 }

// isTracked reports whether a file of the workspace is under version control.
func (r *Results) isTracked(ctx context.Context, rel string) bool {
	r.trackedOnce.Do(func() { r.tracked = git.Tracked(context.WithoutCancel(ctx), r.root) })
	return r.tracked[rel]
}

// Hit is a known result that is in place.
type Hit struct {
	// Written is how many files had to be written or removed. If it is zero, all was up to
	// date.
	Written int
	// Shared is set if the result came from the shared cache.
	Shared bool
	// Duration, Processor and Peak are what the task took when it ran.
	Duration, Processor time.Duration
	Peak                memtools.Bytes

	entry *cache.Entry
}

// Look puts the result of a task in place if it is known. Otherwise the reason tells in a
// few words why the task has to run. An error is that of the context, or means that some
// files may have been put in place; the task has to run then, too.
func (r *Results) Look(ctx context.Context, t *Task) (hit *Hit, reason string, err error) {
	r.owners.Meet(t.ID, t.Upstream)
	hit, reason, err = r.look(ctx, t)
	if hit != nil || err != nil {
		return hit, reason, err
	}
	return nil, reason, r.expose(ctx, t)
}

func (r *Results) look(ctx context.Context, t *Task) (hit *Hit, reason string, err error) {
	weak, tried := inputs.Weak(t.ID, t.Parts), map[cache.Key]bool{}
	if set, e, ok := r.recents.Of(weak); ok {
		if known := r.now(t, inputs.FromTexts(set)); inputs.Strong(weak, known) == e.Key {
			tried[e.Key] = true
			if to, files := r.placeFor(ctx, t, e); r.stands(t, e, to, files) {
				r.cache.Use(e.Key, weak)
				return hitOf(e, 0), "", nil
			}
			if hit, reason, err = r.fetch(ctx, t, weak, e.Key, known, e); hit != nil || err != nil {
				return hit, reason, err
			}
		}
	}
	sets, _ := r.cache.Manifests(weak) // without them there may still be shared ones
	for _, text := range sets {
		set, err := inputs.Parse(text)
		if err != nil {
			continue
		}
		known := r.now(t, set)
		key := inputs.Strong(weak, known)
		tried[key] = true
		hit, why, err := r.fetch(ctx, t, weak, key, known, nil)
		if hit != nil || err != nil {
			return hit, why, err
		}
		reason = cmp.Or(why, reason)
	}
	hit, why, err := r.lookShared(ctx, t, weak, tried)
	if hit != nil || err != nil {
		return hit, why, err
	}
	switch reason = cmp.Or(why, reason); {
	case reason == "" && len(sets) == 0:
		reason = r.changedPart(t)
	case reason == "":
		reason = r.changedInput(t, func(in inputs.Input) fingerprint.State { return r.state(t, in) })
	}
	return nil, reason, ctx.Err()
}

// fetch puts the result in place that the cache has for these inputs, which the key stands for. Without one the reason
// tells why, if none is simply absent. recently is what was last in place with them; nil if that
// is not known. An error is as that of Look.
func (r *Results) fetch(ctx context.Context, t *Task, weak, key cache.Key, known []inputs.Known, recently *cache.Entry) (hit *Hit, reason string, err error) {
	var done filetree.Result
	e := recently
	if e == nil || !r.cache.Has(e) {
		recently = nil
		e, err = r.cache.Get(key)
	}
	if err == nil {
		done, err = r.restore(ctx, t, e)
	}
	if why := (*cache.Miss)(nil); errors.As(err, &why) {
		if why.Why != cache.Absent {
			reason = why.Error()
		}
		return nil, reason, nil
	}
	if err != nil {
		return nil, err.Error(), err
	}
	r.cache.Use(key, weak)
	if recently == nil {
		r.recents.Put(weak, inputs.Texts(known), e)
	}
	written := done.Written + done.Removed + done.Moded
	if written > 0 {
		r.lasts.Put(t.ID, key, last{Key: key, Parts: t.Parts, Inputs: known, Connections: e.Data.Connections})
	}
	return hitOf(e, written), "", nil
}

// hitOf is the hit of an entry that is in place, for which files had to be written.
func hitOf(e *cache.Entry, written int) *Hit {
	return &Hit{Written: written, Duration: e.Duration, Processor: e.Processor, Peak: e.Peak, entry: e}
}

// restore puts an entry's files in place.
func (r *Results) restore(ctx context.Context, t *Task, e *cache.Entry) (done filetree.Result, err error) {
	to, files := r.placeFor(ctx, t, e)
	if r.stands(t, e, to, files) {
		return done, nil
	}
	if done, err = r.put(ctx, t.ID, e, to); err == nil {
		r.owners.Keep(t.ID, t.Upstream, files)
		r.placedNow(t, e)
	}
	return done, err
}

// stands reports whether an entry is in place, and nothing else of the task is. to and files
// are those of placeFor.
func (r *Results) stands(t *Task, e *cache.Entry, to filetree.Target, files map[string]fingerprint.State) bool {
	if len(to.Stale) > 0 || !r.inPlace(e.Files, to.Skip) {
		return false
	}
	r.owners.Keep(t.ID, t.Upstream, files)
	r.placedNow(t, e)
	return true
}

// placedNow notes that an entry is in place.
func (r *Results) placedNow(t *Task, e *cache.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.placed[t.ID] = e
}

// placeFor returns where an entry is put, and what the task owns then. What a later task has
// left over its files stays.
func (r *Results) placeFor(ctx context.Context, t *Task, e *cache.Entry) (to filetree.Target, files map[string]fingerprint.State) {
	own := r.owners.Files(t.ID)
	files = map[string]fingerprint.State{}
	for _, f := range e.Files {
		files[f.Path] = f.State()
		delete(own, f.Path)
	}
	to = r.target(ctx, t)
	to.Skip = func(path string) bool {
		return r.owners.IsShared(path) && r.owners.Over(t.ID, path, files[path], r.digests.Content(r.abs(path)))
	}
	for _, path := range e.Data.Removed {
		files[path] = fingerprint.Absent
		to.Stale = append(to.Stale, path)
	}
	for path := range own {
		if len(r.owners.Of(path)) == 1 && !r.isTracked(ctx, path) {
			to.Stale = append(to.Stale, path)
		}
	}
	return to, files
}

// inPlace reports whether all files are there as they are listed, but for those to skip.
func (r *Results) inPlace(files []filetree.File, skip func(path string) bool) bool {
	return !slices.ContainsFunc(files, func(f filetree.File) bool {
		if skip(f.Path) {
			return false
		}
		content, presence := r.digests.Look(r.abs(f.Path))
		return content != f.State() || f.Kind == filetree.Regular && presence != fingerprint.PresenceOf(f.Mode)
	})
}

func (r *Results) target(ctx context.Context, t *Task) filetree.Target {
	return filetree.Target{
		Root: r.files,
		Have: func(path string) (fingerprint.Digest, bool) { return r.digests.Content(r.abs(path)).Digest() },
		May:  func(path string) bool { return r.mayReplace(ctx, t, path) },
	}
}

// expose puts in place what upstream tasks had left where a task that is about to run, or one
// after it, wrote over that.
func (r *Results) expose(ctx context.Context, t *Task) error {
	covered := map[string]map[string]bool{} // by the task that left it
	for _, path := range r.owners.Shared() {
		if l, ok := r.owners.Covered(t.ID, t.Upstream, path); ok && r.digests.Content(r.abs(path)) != l.State {
			if covered[l.Task] == nil {
				covered[l.Task] = map[string]bool{}
			}
			covered[l.Task][path] = true
		}
	}
	for task, paths := range covered {
		r.mu.Lock()
		e := r.placed[task]
		r.mu.Unlock()
		if e == nil {
			continue // it ran, and something else has happened to its files since
		}
		to := r.target(ctx, t)
		to.Skip = func(path string) bool { return !paths[path] }
		if _, err := r.put(ctx, task, e, to); err != nil {
			return err
		}
	}
	return nil
}

// mayReplace reports whether a file that is in the way of a result may go: it or one before
// it made it, or Git ignores it.
func (r *Results) mayReplace(ctx context.Context, t *Task, path string) bool {
	if r.isTracked(ctx, path) {
		return false
	}
	for _, l := range r.owners.Of(path) {
		if l.Task == t.ID || t.Upstream[l.Task] {
			return true
		}
	}
	return git.Ignored(ctx, r.root, []string{path})[path]
}
