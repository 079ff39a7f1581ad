//go:build !unix

package channel

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Channel cannot be made on this system.
type Channel struct{}

// New returns an error that wraps errors.ErrUnsupported.
func New() (*Channel, *os.File, error) {
	return nil, nil, fmt.Errorf("worker processes need a Unix system: %w", errors.ErrUnsupported)
}

// AllowRead and the other methods are never called.
func (*Channel) AllowRead()               {}
func (*Channel) Drained() bool            { return true }
func (*Channel) Read([]byte) (int, error) { return 0, io.EOF }
func (*Channel) Send([]byte) int          { return 0 }
func (*Channel) StopReading()             {}
func (*Channel) HalfClose()               {}
func (*Channel) Close()                   {}

// Poller has nothing to wait for.
type Poller struct{}

// NewPoller returns a poller that does nothing.
func NewPoller() (*Poller, error) { return &Poller{}, nil }

func (*Poller) Add(*Channel, func()) {}
func (*Poller) Remove(*Channel)      {}
func (*Poller) Wake()                {}
func (*Poller) Serve(func() bool)    {}
func (*Poller) Close()               {}
