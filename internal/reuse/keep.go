package reuse

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/inputs"
	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/pathrole"
	"github.com/heapmage/heapmage/memtools"
)

// Attempt is an attempt at a task that has succeeded.
type Attempt struct {
	observe.Observation
	// Passed are the variables that it got because sources name them, and Withheld those
	// that it did not get although they are set.
	Passed, Withheld []string
	// Names returns the variables that a file names.
	Names func(path string) []string
	// Local is why its result must stay on this machine, beside what was observed.
	Local               []string
	Ended               time.Time
	Duration, Processor time.Duration
	Peak                memtools.Bytes
	Log                 io.Reader
}

// Kept is what became of a result.
type Kept struct {
	not string // why it was not kept; empty means that it was
	// Differs is a file that is not what an earlier run of the same task left, from the same
	// inputs. The earlier result stands. It is empty if there is none.
	Differs string
}

// Keep keeps the result of an attempt. force has it stand in place of an earlier one.
func (r *Results) Keep(ctx context.Context, t *Task, a Attempt, force bool) Kept {
	v := r.view(ctx, t, a.Observation)
	v.local = append(v.local, a.Local...)
	v.variables(a)
	if why := r.disturbed(t); why != "" { // after its files were read
		v.wrong("%s", why)
	}
	for _, why := range a.Incomplete {
		v.wrong("%s", why)
	}
	for _, address := range a.Asked {
		if !slices.ContainsFunc(t.Ours, func(dir string) bool { return pathrole.Within(dir, address) }) {
			v.wrong("it asked another program, at %s, which may have read files for it", address)
		}
	}
	if v.fault != "" {
		r.note(t, last{Parts: t.Parts, Not: v.fault, Inputs: v.inputs, Connections: a.Connections})
		return Kept{not: v.fault}
	}
	weak := inputs.Weak(t.ID, t.Parts)
	e := cache.Entry{Key: inputs.Strong(weak, v.inputs), Task: t.ID, Created: a.Ended, Duration: a.Duration, Processor: a.Processor, Peak: a.Peak,
		Files: v.outputs, Local: v.local, Data: cache.Data{Removed: v.removed, Connections: a.Connections}}
	texts := inputs.Texts(v.inputs)
	set, err := json.Marshal(texts)
	if err != nil {
		return Kept{not: err.Error()}
	}
	put := r.cache.Put
	if force {
		put = r.cache.Replace
	}
	stored, err := put(ctx, e, r.files, r.markedLog(a.Log))
	r.added.Store(true)
	if err == nil {
		err = r.cache.AddManifest(ctx, weak, set)
	}
	if err != nil {
		r.note(t, last{Parts: t.Parts, Not: err.Error()})
		return Kept{not: err.Error()}
	}
	r.recents.Put(weak, texts, stored.Entry)
	r.offer(ctx, t, stored.Entry, weak, set)
	r.note(t, last{Key: e.Key, Parts: t.Parts, Inputs: v.inputs, Connections: a.Connections})
	if force || !stored.Existed || stored.Equal {
		return Kept{}
	}
	return Kept{Differs: filetree.Difference(stored.Entry.Files, v.outputs)}
}

// Forget notes that a task ran unseen: what it wrote is not known.
func (r *Results) Forget(t *Task, why string) { r.note(t, last{Parts: t.Parts, Not: why}) }
