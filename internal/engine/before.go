package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/memtools"
)

// unknownFree is the free memory below which a build without history is not
// likely to end well: the largest packages seen in public repositories need
// more than this.
const unknownFree = memtools.GB

// leastFree is the free memory that a build needs: the largest need that is
// known, else a guess.
func (r *run) leastFree() (least memtools.Bytes, because string) {
	for _, t := range r.graph.Tasks {
		if known := r.predict(t); known.Basis == estimate.FromHistory && known.Need > least {
			least, because = known.Need, fmt.Sprintf("%s needs %v", t.ID, known.Need)
		}
	}
	if least == 0 {
		return unknownFree, fmt.Sprintf("a build without history wants %v", unknownFree)
	}
	return least, because
}

// check looks at the free memory before anything starts. Too little of it is an
// error in build:safe and a warning elsewhere.
func (r *run) check() error {
	free, err := memtools.Available()
	if err != nil {
		return nil // the budget stands, and no figure is better than a false one
	}
	source := r.limits.EffectiveSource
	if r.maxBudget < free {
		free, source = r.maxBudget, r.budgetSource
	}
	least, because := r.leastFree()
	if free >= least {
		return nil
	}
	what := fmt.Sprintf("only %v of memory may be used (%s)", free, source)
	const hint = "close other programs, raise the container's memory, or raise budget: in heapmage.yaml"
	if r.mode == event.Safe {
		return &problem.Error{What: fmt.Sprintf("not enough memory to start: %s, %s", what, because), Hint: hint, Code: problem.ExitNoMemory}
	}
	r.session.Events.Emit(event.Notice{Kind: event.ShortMemory, Text: strings.ToUpper(what[:1]) + what[1:], Hint: hint})
	return nil
}

// installing is the step that installs what the lock file names.
const installing = "Installing dependencies"

// install runs the package manager where node_modules are missing.
func (r *run) install(ctx context.Context) error {
	step, reason, err := script.Install(r.settings, r.scriptOptions())
	if err != nil || reason == "" {
		return err
	}
	r.session.Events.Emit(event.StepStarted{Step: installing, Command: step.Command, Reason: reason})
	log := r.state.Log("install", 1)
	out := r.console.Output("install")
	res, err := r.runner.Run(ctx, runner.Spec{ID: "install", Steps: []script.Step{step}, Log: log, Output: out}, &runner.Attempt{})
	_ = out.Close() // it only prints
	finished := event.StepFinished{Step: installing, Duration: res.Duration, Log: log}
	switch {
	case err != nil:
		finished.Reason = err.Error()
	case !res.Verdict.Success():
		finished.Reason = res.Verdict.Reason()
	}
	r.session.Events.Emit(finished)
	if finished.Reason == "" || err != nil {
		return err
	}
	failed := &problem.Error{Where: r.ws.Root, What: step.Command + " failed: " + finished.Reason, Hint: "run it by hand in that folder and fix what it reports", Code: problem.ExitFailed}
	if res.Verdict.Memory() {
		failed.Code, failed.Hint = problem.ExitOutOfMemory, res.Verdict.Advice
	}
	return failed
}

// colour says whether w shows colours: it is a terminal, and NO_COLOR is unset.
func colour(environ []string, w io.Writer) bool {
	if env(environ, "NO_COLOR") != "" || env(environ, "TERM") == "dumb" {
		return false
	}
	if force := env(environ, "FORCE_COLOR"); force != "" {
		return force != "0" && force != "false"
	}
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
