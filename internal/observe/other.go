//go:build !linux || !(amd64 || arm64)

package observe

import (
	"context"
	"errors"
	"os"
)

// Observer cannot observe anything on this system.
type Observer struct{}

// Watch is the observation of one command.
type Watch struct{}

// Command returns errors.ErrUnsupported.
func (*Observer) Command(string, []string, int) (w *Watch, program string, words []string, err error) {
	return nil, "", nil, errors.ErrUnsupported
}

// Close does nothing.
func (*Observer) Close() {}

// Available returns errors.ErrUnsupported.
func Available() error { return errors.ErrUnsupported }

// Look returns the stamp of a file, or of a link itself: its size and time only.
func Look(path string) (Stamp, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return Stamp{}, err
	}
	return Stamp{Size: info.Size(), Modified: info.ModTime()}, nil
}

// File returns nil.
func (*Watch) File() *os.File { return nil }

// Started does nothing.
func (*Watch) Started() {}

// Finish returns errors.ErrUnsupported.
func (*Watch) Finish(context.Context) (Observation, error) {
	return Observation{}, errors.ErrUnsupported
}
