package proc

import (
	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/memtools"
)

const (
	maxRSSUnit    = 1024 // ru_maxrss counts KB: getrusage(2)
	bytesReadable = unix.TIOCINQ
)

// carriedOver is the least ru_maxrss of a child. Go starts it with CLONE_VM, so until its
// exec it has the memory of this process, whose high-water mark exec takes into the
// child's figure (exec_mmap of fs/exec.c).
func carriedOver() memtools.Bytes { return memtools.Bytes(proctable.OwnMaxRSS()) }
