//go:build !unix

package pool

import (
	"errors"
	"fmt"
	"io"
	"os"
)

type channel struct{ readable, empty bool }

func newChannel() (*channel, *os.File, error) {
	return nil, nil, fmt.Errorf("worker processes need a Unix system: %w", errors.ErrUnsupported)
}

func (*channel) Read([]byte) (int, error) { return 0, io.EOF }
func (*channel) write([]byte) int         { return 0 }
func (*channel) stopReading()             {}
func (*channel) halfClose()               {}
func (*channel) close()                   {}

// poller has nothing to wait for.
type poller struct{}

func newPoller() (*poller, error) { return &poller{}, nil }

func (*poller) add(*process)      {}
func (*poller) remove(*process)   {}
func (*poller) wake()             {}
func (*poller) serve(func() bool) {}
func (*poller) close()            {}
