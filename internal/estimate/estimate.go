// Package estimate predicts what a task needs from what earlier runs took: its
// own, or those of packages like it. It works on values alone: no file, no clock,
// no process. A prediction looks at the samples of one task and at no more than
// 96 other tasks, so it costs the same in a large workspace.
package estimate

import (
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// Question asks what a task will need.
type Question struct {
	// Task is its name, such as "core#build". What follows "#" is the target:
	// only tasks of the same target are compared.
	Task string
	// Tool is what the script runs now, as Tool returns it. Empty means unknown.
	Tool string
	// Sources is the size of the package's source files now. Zero means unknown.
	Sources memtools.Bytes
	// HeapLimit is V8's limit that would be set. Zero means unknown.
	HeapLimit memtools.Bytes
	// Budget is the memory of the whole run. Zero means unknown.
	Budget memtools.Bytes
	// Configured is the need that the user set. Zero means none.
	Configured memtools.Bytes
}

// Basis is what a prediction rests on.
type Basis string

// The bases.
const (
	FromHistory Basis = "history"
	FromSimilar Basis = event.FromSimilar
	FromNothing Basis = event.FromNothing
	FromConfig  Basis = "packages: in heapmage.yaml"
)

// Prediction is what a task probably needs.
type Prediction struct {
	// Need is the memory to reserve. It is always positive and may be larger than
	// the budget.
	Need memtools.Bytes
	// Peak is the expected peak, without the margin. Zero means unknown: neither
	// this task nor one like it has ever succeeded.
	Peak memtools.Bytes
	// Heap is the smallest V8 heap limit that may suffice, since a smaller one
	// did not. Zero means unknown.
	Heap memtools.Bytes
	// Killed reports whether any known run of the task was cut off from outside
	// because memory ran out.
	Killed bool
	// Length is the expected duration. Zero means unknown.
	Length time.Duration
	// Cores is how many processors the task keeps busy on average. Zero means
	// unknown.
	Cores float64
	Basis Basis
	// Samples is the number of runs that the prediction rests on: those of the
	// task, or of packages like it.
	Samples int
}

// Predict answers q from the samples of the task, the oldest first. It calls
// peers only if these do not suffice; a nil peers, or nil Peers, means that no
// other task is known.
func Predict(q Question, own []Sample, peers func() *Peers) Prediction {
	p := predict(q, own, func() []point {
		if peers == nil {
			return nil
		}
		return peers().like(q.Task, q.Tool)
	})
	if q.Configured > 0 {
		p.Need, p.Basis = q.Configured, FromConfig
	}
	return p
}

func predict(q Question, own []Sample, similar func() []point) Prediction {
	e := weigh(own, q.Tool)
	base := minNodePeak
	cold := Prediction{}
	if e.successes == 0 || e.outgrown(q.Sources) {
		points := similar()
		if line, ok := fitPeaks(points, q.Sources); ok {
			base = max(minNodePeak, memtools.Bytes(line.base))
		}
		if e.successes == 0 {
			cold = predictCold(points, q)
		}
	}
	p := Prediction{
		Need: max(marginBytes, e.need(q, base)), Heap: e.heap, Killed: e.killed,
		Length: e.length(), Cores: e.cores(), Basis: FromHistory, Samples: len(e.runs),
	}
	if e.successes > 0 {
		p.Peak = withoutMargin(p.Need)
		return p
	}
	// Runs that ended early, or with another tool, are no more than a lower bound.
	if cold.Need >= p.Need || len(e.runs) == 0 {
		p.Need, p.Peak, p.Basis, p.Samples = cold.Need, cold.Peak, cold.Basis, cold.Samples
	}
	if p.Length == 0 {
		p.Length = cold.Length
	}
	if p.Cores == 0 {
		p.Cores = cold.Cores
	}
	return p
}

// unknown is what to expect of a task without any evidence.
func unknown(budget memtools.Bytes) Prediction {
	need := unknownNeed
	if budget > 0 {
		need = min(need, max(budget/unknownShare, marginBytes))
	}
	return Prediction{Need: need, Basis: FromNothing}
}
