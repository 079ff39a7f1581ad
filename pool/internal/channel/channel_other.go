//go:build !unix

package channel

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Channel cannot be made on this system.
type Channel struct{ noChannel }

// New returns an error that wraps errors.ErrUnsupported.
func New() (*Channel, *os.File, error) {
	return nil, nil, fmt.Errorf("worker processes need a Unix system: %w", errors.ErrUnsupported)
}

// noChannel has the methods of a channel, which are never called.
type noChannel struct{}

func (noChannel) AllowRead()               {}
func (noChannel) Drained() bool            { return true }
func (noChannel) Read([]byte) (int, error) { return 0, io.EOF }
func (noChannel) Send([]byte) int          { return 0 }
func (noChannel) StopReading()             {}
func (noChannel) HalfClose()               {}
func (noChannel) Close()                   {}

// Poller has nothing to wait for.
type Poller struct{ noPoller }

// NewPoller returns a poller that does nothing.
func NewPoller() (*Poller, error) { return &Poller{}, nil }

// noPoller has the methods of a poller, which do nothing.
type noPoller struct{}

func (noPoller) Add(*Channel, func()) {}
func (noPoller) Remove(*Channel)      {}
func (noPoller) Wake()                {}
func (noPoller) Serve(func() bool)    {}
func (noPoller) Close()               {}
