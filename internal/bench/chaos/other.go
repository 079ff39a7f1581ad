//go:build !linux

package chaos

import (
	"context"
	"errors"
)

// Run returns an error.
func Run(context.Context, Options) error {
	return errors.New("chaos needs memory limits of cgroups, which only Linux has")
}

// Task returns an error.
func Task([]string) error { return errors.ErrUnsupported }
