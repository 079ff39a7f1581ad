package engine

import (
	"context"
	"errors"
	"testing"

	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
)

func TestHandsStopWhatJustBegins(t *testing.T) {
	for claim, play := range map[string]func(h hands, begin func()){
		"an attempt that has begun":     func(h hands, begin func()) { begin(); h.Stop("a", true) },
		"one that has not begun so far": func(h hands, begin func()) { h.Stop("a", true); begin() },
	} {
		t.Run(claim, func(t *testing.T) {
			h := hands{run: &run{runner: &runner.Runner{}, active: map[string]*active{}}}
			ctx, stop := context.WithCancelCause(t.Context())
			h.Begin("a")
			play(h, func() { h.began(schedule.Grant{Job: schedule.Job{ID: "a"}}, stop) })
			if !errors.Is(context.Cause(ctx), errLast) {
				t.Errorf("it goes on: %v", context.Cause(ctx))
			}
		})
	}
}
