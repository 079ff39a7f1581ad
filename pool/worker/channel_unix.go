//go:build unix

package worker

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"github.com/heapmage/heapmage/pool/internal/frame"
)

// openChannel opens the socket that the pool left at descriptor fd. Processes
// that this one starts do not inherit it.
func openChannel(fd string) (io.ReadWriter, error) {
	n, err := strconv.Atoi(fd)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("%s=%q is not a descriptor", frame.FDEnv, fd)
	}
	syscall.CloseOnExec(n)
	// So a read parks its goroutine, and the handler runs on the same thread.
	if err := syscall.SetNonblock(n, true); err != nil {
		return nil, fmt.Errorf("%s=%s: %w", frame.FDEnv, fd, err)
	}
	return os.NewFile(uintptr(n), "pool"), nil
}
