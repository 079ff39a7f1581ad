package observe

import (
	"maps"

	"golang.org/x/sys/unix"
)

// auditArch is how the kernel names the architecture (linux/audit.h).
const auditArch = unix.AUDIT_ARCH_X86_64

func init() {
	maps.Copy(calls, map[uint32]call{
		unix.SYS_OPEN:       plain("open", opens).withFlags(1),
		unix.SYS_CREAT:      plain("creat", changes),
		unix.SYS_STAT:       plain("stat", looks),
		unix.SYS_LSTAT:      plain("lstat", looks).noFollow(),
		unix.SYS_NEWFSTATAT: at("newfstatat", looks, 3),
		unix.SYS_ACCESS:     plain("access", looks),
		unix.SYS_READLINK:   plain("readlink", readsLink).noFollow(),
		unix.SYS_CHMOD:      plain("chmod", changes),
		unix.SYS_CHOWN:      plain("chown", changes),
		unix.SYS_LCHOWN:     plain("lchown", changes).noFollow(),
		unix.SYS_UTIME:      plain("utime", changes),
		unix.SYS_UTIMES:     plain("utimes", changes),
		unix.SYS_FUTIMESAT:  at("futimesat", changes, none),
		unix.SYS_MKDIR:      plain("mkdir", makes).noFollow(),
		unix.SYS_MKNOD:      plain("mknod", makes).noFollow(),
		unix.SYS_SYMLINK:    plain("symlink", makes).pathAt(none, 1).noFollow(),
		unix.SYS_UNLINK:     plain("unlink", removes).noFollow(),
		unix.SYS_RMDIR:      plain("rmdir", removes).noFollow(),
		unix.SYS_RENAME:     plain("rename", renames).to(none, 1).noFollow(),
		unix.SYS_RENAMEAT:   at("renameat", renames, none).to(2, 3).noFollow(),
		unix.SYS_LINK:       plain("link", links).to(none, 1).noFollow(),
	})
}
