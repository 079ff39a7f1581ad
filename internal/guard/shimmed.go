package guard

import (
	"context"

	"github.com/heapmage/heapmage/internal/admission"
	"github.com/heapmage/heapmage/internal/proctable"
)

// shimmed is a script that asked through its shell.
type shimmed struct {
	*admission.Script
	shim proctable.Identity
	keep bool // what it starts finds the guard
}

func (s *shimmed) root() int { return s.shim.PID }

func (s *shimmed) options() (node, goLimit string, settable bool) {
	ask := s.Ask()
	return ask.NodeOptions, ask.GoMemLimit, true
}

func (s *shimmed) start(ctx context.Context, set map[string]string) (int, error) {
	return s.Run(ctx, admission.Terms{Set: set, Keep: s.keep})
}

func (s *shimmed) wait(ctx context.Context) (admission.Ended, error) { return s.Wait(ctx) }

func (s *shimmed) lost() <-chan struct{} { return s.Lost() }

func (s *shimmed) passed() <-chan int { return s.Signals() }

func (s *shimmed) next(why string) error { return s.Again(why) }

func (s *shimmed) finish() { _ = s.End() } // else it ends by itself

func (s *shimmed) pass() { _ = s.Pass(s.keep, "") } // else it runs by itself
