package engine

import (
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

// precheck compares the free memory with the largest known need before anything
// starts. known has the prediction of each task. If it is too little, build:safe gets an error and other modes a warning.
func (r *run) precheck(known []estimate.Prediction) error {
	s, err := r.Supply()
	if err != nil {
		return nil //nolint:nilerr // this check is an extra: the budget still holds
	}
	largest, task := memtools.Bytes(0), ""
	for i, t := range r.graph.Tasks {
		if k := known[i]; k.Basis == estimate.FromHistory && k.Need > largest {
			largest, task = k.Need, t.ID
		}
	}
	notice, err := s.Check(r.Mode, largest, task)
	if notice.Text != "" {
		r.session.Events.Emit(notice)
	}
	return err
}
