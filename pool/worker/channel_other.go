//go:build !unix

package worker

import (
	"errors"
	"io"
)

func openChannel(string) (io.ReadWriter, error) { return nil, errors.ErrUnsupported }
