package reuse

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/inputs"
)

// Explanation is all that is known of a task's result.
type Explanation struct {
	Outlook
	// Weak is the key of what is known before the task runs, and Strong that of the result,
	// with all inputs. Strong is zero if the result is not known.
	Weak, Strong cache.Key
	// Not is why the last result was not kept; empty if it was, or if there is none.
	Not string
	// Last is the last result that was kept, the one that is used if it is known; nil if there
	// is none.
	Last *cache.Entry
	// Parts and Inputs are what the result depends on.
	Parts  []Dependence
	Inputs []Dependence
	// Connections are the remote addresses that the task connected to when it last ran.
	Connections []string
}

// Dependence is something on which a result depends.
type Dependence struct {
	Kind Kind
	// Name is the name of a part or a variable, or a path.
	Name string
	// Change is how it differs from what it was when the task last ran; empty if it does not.
	Change string
}

// Kind is in which way a result depends on something.
type Kind int

// The kinds, in the order in which they are explained.
const (
	Part     Kind = iota // known before the task runs
	Read                 // the content of a file
	Link                 // where a link leads
	Seen                 // type and permissions
	Missing              // that it is not there
	Listed               // the names in a folder
	Variable             // of the environment
	Package              // what is installed
	Outside              // anything that is not in the workspace
)

// Explain tells all about a task for which Of was called.
func (f *Forecast) Explain(t *Task) Explanation {
	o := f.outlooks[t.ID]
	x := Explanation{Outlook: o, Weak: o.weak, Strong: o.strong}
	l, err := f.results.last(t)
	if e := o.entry; e != nil {
		l = last{Parts: t.Parts, Inputs: o.inputs, Connections: e.Data.Connections}
		x.Last = e
	} else if err == nil {
		x.Not = l.Not
		before := inputs.Weak(t.ID, l.Parts)
		if e, err := f.results.cache.Get(inputs.Strong(before, l.Inputs)); err == nil && l.Not == "" {
			x.Last = e
		}
	}
	x.Connections = l.Connections
	for _, name := range slices.Sorted(maps.Keys(t.Parts)) {
		d := Dependence{Kind: Part, Name: name}
		if before, ok := l.Parts[name]; l.Parts != nil && (!ok || before != t.Parts[name]) {
			d.Change = name + " changed"
		}
		x.Parts = append(x.Parts, d)
	}
	for _, in := range l.Inputs {
		d := Dependence{Kind: kindOf(in), Name: in.Path}
		if o.entry == nil {
			if now := f.state(t, in.Input); now != in.State {
				d.Change = in.Change(now)
			}
		}
		x.Inputs = append(x.Inputs, d)
	}
	return x
}

func kindOf(in inputs.Known) Kind {
	switch {
	case in.Aspect == inputs.Variable:
		return Variable
	case in.Aspect == inputs.Installed:
		return Package
	case in.Aspect == inputs.Program, filepath.IsAbs(in.Path):
		return Outside
	case in.State == fingerprint.Absent:
		return Missing
	case in.Aspect == inputs.Content:
		return Read
	case in.Aspect == inputs.Target:
		return Link
	case in.Aspect == inputs.Names:
		return Listed
	}
	return Seen
}
