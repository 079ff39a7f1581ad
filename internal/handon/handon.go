// Package handon hands the record of each run to takers, such as a sender of traces. They come from
// packages that a magefile imports, so that nobody else compiles them.
package handon

import (
	"context"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/timeline"
)

// Taker takes the record of a run that has ended, before ctx is done. It returns why it could
// not, in one line without secrets, or nothing.
type Taker func(ctx context.Context, environ []string, record *timeline.Timeline) string

// takers are those of the packages that a magefile imports.
var takers []Taker

// To has each run's record handed to a taker. It is for init functions.
func To(t Taker) { takers = append(takers, t) }

// A run does not end before its takers have, so they get little time, and less once it was
// interrupted: nothing of it is left after three seconds.
const (
	timeout     = 3 * time.Second
	atInterrupt = time.Second
)

// Run hands on the record of a run that has ended, if there is one. ctx is that of the run, and may
// be done. Why a taker could not take it is told to a reporter, and changes nothing of how the run
// ended.
func Run(ctx context.Context, environ []string, root, id string, to tally.Reporter) {
	if len(takers) == 0 {
		return
	}
	file, err := rundir.OpenRecord(root, id)
	if err != nil {
		return // the run told that it is not recorded
	}
	defer file.Close()
	patience := timeout
	if ctx.Err() != nil {
		patience = atInterrupt
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	record := timeline.Read(file)
	for _, t := range takers {
		if why := t(ctx, environ, record); why != "" {
			to.Take(event.Stamped{Event: event.Notice{Kind: event.NotSent, Text: why}}, nil)
		}
	}
}
