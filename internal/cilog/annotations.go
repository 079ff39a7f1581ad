package cilog

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/ci"
	"github.com/heapmage/heapmage/internal/event"
)

// most is how many annotations of a severity GitHub and Azure show of a step.
const most = 10

// Ended returns the annotations of a task that has ended, which label names. They belong before
// its output: problem matchers, as actions/setup-node has them, may find errors there again,
// without their files, and only the first ten of a step are shown. For the same reason a task gets
// at most half of the room that is left.
func (l *Log) Ended(e event.TaskFinished, label string) string {
	if l == nil {
		return ""
	}
	all := l.take(e.Log)
	if e.Retry || e.Status == event.Stopped || e.Status == event.Outdated || e.Status == event.Interrupted {
		return ""
	}
	if e.Status != event.Succeeded && !slices.ContainsFunc(all, func(a ci.Annotation) bool { return a.Severity == ci.Error }) {
		all = append(all, failure(e)...)
		l.more += e.MoreErrors
	}
	return l.tellAll(all, label)
}

// Known returns the annotations that a task printed whose result is known, if that is printed again.
func (l *Log) Known(e event.TaskKnown, label string) string {
	if l == nil {
		return ""
	}
	return l.tellAll(l.take(e.Log), label)
}

func (l *Log) tellAll(all []ci.Annotation, label string) (lines string) {
	share := l.told
	for i := range share {
		share[i] += (most - share[i] + 1) / 2
	}
	for _, a := range all {
		if a.Title == "" {
			a.Title = label
		} else {
			a.Title = label + ": " + a.Title
		}
		lines += l.tell(a, share[a.Severity])
	}
	return lines
}

// Failed returns the annotation of a step before the tasks that failed.
func (l *Log) Failed(e event.StepFinished) string {
	if l == nil {
		return ""
	}
	return l.tell(ci.Annotation{Title: e.Step, Message: e.Reason}, most)
}

// failure is what a failed task is annotated with: the errors that it reports, or why it failed.
func failure(e event.TaskFinished) (all []ci.Annotation) {
	if e.Status == event.Failed {
		for _, f := range e.Errors {
			all = append(all, ci.Annotation{File: f.File, Line: f.Line, Column: f.Column, Message: f.Message})
		}
	}
	if len(all) > 0 {
		return all
	}
	why := append([]string{e.Reason}, e.Excerpt...)
	if e.Status == event.OutOfMemory {
		why = append(why, fmt.Sprintf("its peak was %v", e.Peak))
	}
	if e.Hint != "" {
		why = append(why, "💡 "+e.Hint)
	}
	return []ci.Annotation{{Message: strings.Join(why, "\n")}}
}

// tell returns an annotation, or holds it back if there are so many of its severity already.
func (l *Log) tell(a ci.Annotation, room int) string {
	switch {
	case l.told[a.Severity] < room:
		l.told[a.Severity]++
		if a.File != "" {
			a.File = path.Join(l.Folder, a.File)
		}
		return a.Command(l.System)
	case len(l.held) < 3*most:
		l.held = append(l.held, a)
	default:
		l.more++
	}
	return ""
}

// Rest returns at the end of a run what was held back, as long as there is room, and how many more
// there are.
func (l *Log) Rest() (lines string) {
	if l == nil {
		return ""
	}
	held := l.held
	l.held = nil
	for _, a := range held {
		lines += l.tell(a, most)
	}
	if n := l.more + len(l.held); n > 0 {
		lines += ci.Annotation{Severity: ci.Notice, Title: "heapmage", Message: fmt.Sprintf("and %d more errors and warnings in the log", n)}.Command(l.System)
	}
	l.told, l.held, l.more = [len(l.told)]int{}, nil, 0
	return lines
}
