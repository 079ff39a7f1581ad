//go:build !linux && !darwin

package sighting

import (
	"errors"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
)

type system struct{ world }

func openSystem() (*system, error) { return nil, errors.ErrUnsupported }

func (*system) woken() <-chan struct{} { return nil }

func (*system) close() error { return nil }

func (*system) next(time.Time) ([]proctable.Process, error) { return nil, errors.ErrUnsupported }
