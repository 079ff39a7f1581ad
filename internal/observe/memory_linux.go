//go:build amd64 || arm64

package observe

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

const pageSize = 4096

// Errors of paths that the kernel will refuse.
var (
	errLong  = errors.New("longer than a path can be")
	errFault = errors.New("an address where nothing is")
)

// memory reads the memory of a thread at addr. It does not read over the end of a page that
// begins what is not mapped.
func memory(tid uint32, addr uint64, p []byte) (int, error) {
	local := []unix.Iovec{{Base: &p[0]}}
	local[0].SetLen(len(p))
	n, err := unix.ProcessVMReadv(int(tid), local, []unix.RemoteIovec{{Base: uintptr(addr), Len: len(p)}}, 0)
	if err == nil && n > 0 {
		return n, nil
	}
	if errors.Is(err, unix.EFAULT) || addr > math.MaxInt64 {
		return 0, errFault
	}
	// Docker's profile refuses that call.
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", tid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err = f.ReadAt(p, int64(addr))
	if n == 0 && errors.Is(err, unix.EIO) {
		return 0, errFault
	}
	return n, err
}

// text reads a string that ends with a zero byte.
func text(tid uint32, addr uint64) (string, error) {
	var all []byte
	buf := make([]byte, pageSize)
	for len(all) < unix.PathMax {
		piece := buf[:min(256, pageSize-addr%pageSize)]
		if len(all) > 0 {
			piece = buf[:pageSize-addr%pageSize]
		}
		n, err := memory(tid, addr, piece)
		if errors.Is(err, errFault) {
			return "", err
		}
		if n <= 0 {
			return "", fmt.Errorf("read memory: %w", err)
		}
		if end := bytes.IndexByte(piece[:n], 0); end >= 0 {
			return string(append(all, piece[:end]...)), nil
		}
		all = append(all, piece[:n]...)
		addr += uint64(n)
	}
	return "", errLong
}
