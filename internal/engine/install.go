package engine

import (
	"context"
	"io"
	"strings"

	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/installstate"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/script"
)

// installing is the step's name in the log.
const installing = "Installing dependencies"

// install runs the package manager if dependencies are missing, one run at a time.
func (r *run) install(ctx context.Context) error {
	if _, reason, err := r.installStep(); err != nil || reason == "" {
		return err
	}
	began := clock.Now()
	defer func() { r.installed = clock.Since(began) }()
	defer r.state.LockInstall(ctx, func() {
		r.session.Events.Emit(event.StepStarted{Step: installing, Command: "waiting", Reason: "another run installs them"})
	})()
	if err := ctx.Err(); err != nil {
		return err
	}
	step, reason, err := r.installStep() // another run may have installed meanwhile
	if err != nil || reason == "" {
		return err
	}
	r.session.Events.Emit(event.StepStarted{Step: installing, Command: step.Command, Reason: reason})
	r.state.BeginInstall()
	log := r.state.Log("install", 1)
	out, listener := r.console.Output("install", log.Path), r.listen(log, r.Workspace.Root)
	defer log.Close() // after the console has read it
	res, err := r.runner.Run(ctx, runner.Spec{ID: "install", Steps: []script.Step{step}, Log: log, Output: io.MultiWriter(listener, out)}, &runner.Attempt{})
	_, _ = out.Close(), listener.Close() // they only print
	finished := event.StepFinished{Step: installing, Duration: res.Duration, Log: log.Path}
	switch {
	case err != nil:
		finished.Reason, _, _ = strings.Cut(err.Error(), "\n")
	case !res.Verdict.Success():
		finished.Reason = res.Verdict.Reason()
	}
	r.session.Events.Emit(finished)
	if err != nil {
		return err
	}
	if finished.Reason == "" {
		r.state.EndInstall()
		return nil
	}
	failed := &problem.Error{Where: r.Workspace.Root, What: step.Command + " failed: " + finished.Reason, Hint: script.InstallAdvice(r.Settings, r.state.Tail(log.Path)), Code: problem.ExitFailed}
	if res.Verdict.Memory() {
		failed.Code, failed.Hint = problem.ExitOutOfMemory, res.Verdict.Advice
	}
	return failed
}

// installStep returns what installs the dependencies, and the reason; without a reason
// nothing has to be done.
func (r *run) installStep() (script.Step, string, error) {
	known := installstate.Known{Unfinished: rundir.UnfinishedInstall(r.Workspace.Root), Finished: rundir.FinishedInstall(r.Workspace.Root), Needed: r.graph.Packages()}
	return script.Install(r.Settings, known, r.scriptOptions())
}
