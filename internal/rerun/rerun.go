// Package rerun runs a target, and again for what changes, until it is ended. Each run is one
// of package engine's, with its budget and its log, and has the tasks for which a file has
// changed since the last one, with those that come after them. A run whose packages are
// edited meanwhile is ended, and another takes its place.
package rerun

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/affected"
	"github.com/heapmage/heapmage/internal/engine"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/filewatch"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/session"
	"github.com/heapmage/heapmage/internal/workspace"
)

// targets are those that can be watched: they change nothing but outputs.
var targets = []string{"build", "typecheck", "test", "lint"}

// Watch runs a request's target, and again for what changes, until ctx is done or a signal
// ends it; that is its error then, too. A mistake that keeps the first run from starting ends
// it, a later one does not.
func Watch(ctx context.Context, request engine.Request) error {
	if !slices.Contains(targets, request.Target) {
		hint := "it can be: " + strings.Join(targets, ", ")
		if near := nearest.Names(request.Target, targets, 1); len(near) > 0 {
			hint = "did you mean " + near[0] + "?"
		}
		return &problem.Error{Where: "-target=" + request.Target, What: "cannot be watched", Hint: hint}
	}
	ws, err := workspace.Load(engine.Or(&request.Dir, "."))
	if err != nil {
		return err
	}
	ctx, release := session.Stoppable(ctx)
	defer release()
	files, err := filewatch.Open(ctx, ws.Root)
	if err != nil {
		return ended(ctx, err)
	}
	defer files.Close()
	l := loop{request: request, files: files, ws: ws, authors: newAuthors(), due: map[string]bool{}, packages: map[string]bool{}}
	return ended(ctx, l.all(ctx))
}

// ended is the error of a watch: why ctx is done, or err.
func ended(ctx context.Context, err error) error {
	if code, reason := session.Exit(ctx); code != 0 {
		return &problem.Error{What: "watch " + reason, Code: code}
	}
	return err
}

// loop is a watch.
type loop struct {
	request engine.Request
	files   *filewatch.Watcher
	ws      *workspace.Workspace // as of the last run
	authors *authors

	again    bool            // a run has been completed
	due      map[string]bool // files that have changed since the last run
	failed   []string        // folders of packages with a task that did not succeed
	lockFile []byte          // as of the last run
	packages map[string]bool // folders of packages with a task
}

// all runs the target and waits, by turns.
func (l *loop) all(ctx context.Context) error {
	for started := false; ctx.Err() == nil; {
		last, err := l.run(ctx)
		if err != nil && !last.began && !started {
			return err
		}
		started = started || last.began
		if err != nil && !last.outdated && ctx.Err() == nil {
			report.Complain(ctx, err)
		}
		if last.changed {
			continue
		}
		if err := l.wait(ctx, (last.began || err != nil) && ctx.Err() == nil); err != nil {
			return err
		}
	}
	return nil
}

// ending is how a run ended.
type ending struct {
	began    bool // there was something to run
	outdated bool // it was ended because files changed
	changed  bool // files have changed since it began
}

// run runs the target for what is due, and ends the run if that is edited meanwhile.
func (l *loop) run(ctx context.Context) (last ending, err error) {
	lockFile := folder.Read(l.ws.Root, l.ws.LockFile)
	repeated := engine.Repeated{Request: l.request}
	paths := slices.Sorted(maps.Keys(l.due))
	if l.again {
		repeated.Again = &affected.Run{Paths: paths, Failed: l.failed, LockFile: l.lockFile}
	}
	if len(paths) > 0 {
		repeated.Because = event.Notice{Kind: event.FilesChanged, Text: list(paths) + " changed"}
	}
	var p progress
	repeated.Reporter, repeated.Begins = &p, p.begin
	runs, end := context.WithCancelCause(ctx)
	defer end(nil)
	listening, hush := context.WithCancel(ctx)
	defer hush()
	done := make(chan error, 1) // receives one value; never closed
	go func() {
		defer hush()
		done <- repeated.Run(ctx, runs)
	}()
	fresh := map[string]bool{}
	for err == nil && listening.Err() == nil {
		var changes []filewatch.Change
		changes, err = l.files.Next(listening)
		if l.during(&p, changes, fresh) && !last.outdated {
			last.outdated = true
			end(runner.ErrOutdated)
		}
	}
	deaf := err != nil && listening.Err() == nil
	if failed := <-done; !deaf {
		err = failed
	}
	if changes, err := l.files.Settle(ctx); err == nil {
		l.during(&p, changes, fresh)
	}
	changed, learned := l.authors.ended(p.declared)
	for _, name := range changed {
		fresh[name] = true
	}
	last.began, last.changed = p.begun() != nil, last.outdated || len(fresh) > 0
	if !deaf {
		l.tellLearned(ctx, learned)
	}
	l.note(&p, last)
	if !last.outdated && (last.began || err == nil) { // what was due is done
		clear(l.due)
		l.again, l.lockFile = true, lockFile
	}
	maps.Copy(l.due, fresh)
	return last, err
}

// note keeps what is known of the workspace since a run.
func (l *loop) note(p *progress, last ending) {
	planned := p.begun()
	if planned == nil {
		return
	}
	l.ws = planned.Workspace
	for _, pkg := range planned.Graph.Packages() {
		l.packages[pkg.Dir] = true
	}
	maps.DeleteFunc(l.packages, func(dir string, _ bool) bool { return l.ws.At(dir) == nil })
	if !last.outdated {
		l.failed = p.unfinished()
	}
}

// during notes changes while a run lasts: in fresh those that are due in any case, and with
// the authors those that tasks may have made. It reports whether the run is out of date.
func (l *loop) during(p *progress, changes []filewatch.Change, fresh map[string]bool) (outdated bool) {
	for _, c := range changes {
		started, running := p.mayWrite(c.Path)
		switch {
		case !started:
			if l.authors.outside(c) {
				fresh[c.Path] = true
			}
		case l.authors.during(c) && running && !p.declared(c.Path):
			outdated = true
		}
	}
	return outdated
}

// wait waits until something is due. It prints that if aloud is set.
func (l *loop) wait(ctx context.Context, aloud bool) error {
	if aloud {
		n := event.Notice{Kind: event.Watching, Text: "Watching " + printable.Count(len(l.packages), "package") + "; press Ctrl-C to end"}
		if err := report.Say(ctx, os.Environ(), n); err != nil {
			return err // nobody can see what happens
		}
	}
	for waits := true; waits; {
		changes, err := l.files.Next(ctx)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if l.authors.outside(c) {
				l.due[c.Path], waits = true, false
			}
		}
	}
	return nil
}

// tellLearned tells of files that are taken for outputs.
func (l *loop) tellLearned(ctx context.Context, names []string) {
	if len(names) == 0 {
		return
	}
	verb := " are"
	if len(names) == 1 {
		verb = " is"
	}
	_ = report.Say(ctx, os.Environ(), event.Notice{Kind: event.WritesItself, // it changes nothing
		Text: list(names) + verb + " written in every run: changes made during a run are ignored",
		Hint: "declare outputs: under tasks: in heapmage.yaml, or have Git ignore them"})
}

// list names the first of some files: "a.ts and 3 more".
func list(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%s and %d more", names[0], len(names)-1)
}
