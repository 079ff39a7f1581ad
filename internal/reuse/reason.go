package reuse

import (
	"errors"
	"maps"
	"os"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/inputs"
)

// last is what is kept of the last run of a task, to tell why it has to run again.
type last struct {
	// Key is that of its result. It is zero if that was not kept.
	Key    cache.Key         `json:"key,omitzero"`
	Parts  map[string]string `json:"parts"`
	Inputs []inputs.Known    `json:"inputs,omitempty"`
	// Not is why its result was not kept.
	Not         string   `json:"not,omitempty"`
	Connections []string `json:"connections,omitempty"`
}

// FirstTime is the reason for a task that did not run here before.
const FirstTime = "it was not built here before"

// note keeps what is known of the last run. If it cannot, a reason is missing.
func (r *Results) note(t *Task, l last) { r.lasts.Put(t.ID, cache.Key{}, l) }

func (r *Results) last(t *Task) (l last, err error) {
	err = r.lasts.Of(t.ID, &l)
	return l, err
}

// changedPart tells which part of the weak key is new.
func (r *Results) changedPart(t *Task) string {
	l, err := r.last(t)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return FirstTime
	case err != nil:
		return "no result is stored for it"
	case l.Parts == nil && l.Not != "": // another task has told so
		return "its last result was not kept: " + l.Not
	}
	if part := inputs.ChangedPart(l.Parts, t.Parts); part != "" {
		return part
	}
	if l.Not != "" {
		return "its last result was not kept: " + l.Not
	}
	return "no result is stored for it"
}

// changedInput tells which input is not what it was when the task last ran. state is what
// one is now.
func (r *Results) changedInput(t *Task, state func(inputs.Input) fingerprint.State) string {
	l, err := r.last(t)
	if err != nil {
		return "no result is stored for what its inputs are now"
	}
	if part := r.changedPart(t); l.Not != "" || !maps.Equal(l.Parts, t.Parts) {
		return part
	}
	for _, in := range l.Inputs {
		if now := state(in.Input); now != in.State {
			return in.Change(now)
		}
	}
	return "its stored result is gone"
}

// conflict notes that two tasks write one path, in no order: neither result is kept.
func (r *Results) conflict(rel, a, b string) {
	for _, task := range []string{a, b} {
		r.note(&Task{ID: task}, last{Not: "another task writes " + rel + " too"})
	}
}
