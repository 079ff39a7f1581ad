package observe

import (
	"maps"

	"golang.org/x/sys/unix"
)

// auditArch is how the kernel names the architecture (linux/audit.h).
const auditArch = unix.AUDIT_ARCH_AARCH64

func init() {
	maps.Copy(calls, map[uint32]call{
		unix.SYS_FSTATAT:  at("newfstatat", looks, 3),
		unix.SYS_RENAMEAT: at("renameat", renames, none).to(2, 3).noFollow(),
	})
}
