//go:build !unix

package pool

import (
	"errors"
	"fmt"
	"net"
	"os"
)

type channel struct{ net.Conn }

func newChannel() (*channel, *os.File, error) {
	return nil, nil, fmt.Errorf("worker processes need a Unix system: %w", errors.ErrUnsupported)
}

func (*channel) tryWrite([]byte) int { return 0 }

func (*channel) halfClose() {}
