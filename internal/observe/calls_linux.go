//go:build amd64 || arm64

package observe

import "golang.org/x/sys/unix"

// action is what a system call does with the file that it names.
type action int

const (
	looks      action = iota + 1 // stat, access, chdir: is it there, and what is it
	readsLink                    // readlink
	opens                        // open: its flags tell
	opensHow                     // openat2: its flags are in memory
	runs                         // exec
	changes                      // chmod, truncate, utimes: the file is changed
	makes                        // mkdir, mknod, symlink: there is a new file
	removes                      // unlink, rmdir
	renames                      // the second path is the new name
	links                        // the second path is the new name
	listens                      // bind
	connects                     // connect
	hides                        // paths may mean something else from now on
	innerWatch                   // another listener: only the outermost may have one
)

// call is a system call that is observed. Arguments are counted from 0; none means that
// there is no such argument.
type call struct {
	name   string
	action action
	dir    int // descriptor of the folder that a relative path begins at
	path   int
	flags  int // of open, or AT_ flags
	dir2   int
	path2  int
	// stays is set if a link at the end is not followed, whatever the flags say.
	stays bool
}

const none = -1

// at is a call that takes a folder, a path and flags.
func at(name string, a action, flags int) call {
	return call{name: name, action: a, dir: 0, path: 1, flags: flags, dir2: none, path2: none}
}

// plain is a call that takes a path only.
func plain(name string, a action) call {
	return call{name: name, action: a, dir: none, path: 0, flags: none, dir2: none, path2: none}
}

func (c call) noFollow() call       { c.stays = true; return c }
func (c call) withFlags(i int) call { c.flags = i; return c }
func (c call) pathAt(dir, path int) call {
	c.dir, c.path = dir, path
	return c
}
func (c call) to(dir, path int) call {
	c.dir2, c.path2 = dir, path
	return c
}

// calls are those of every architecture, by number.
var calls = map[uint32]call{
	unix.SYS_OPENAT:            at("openat", opens, 2),
	unix.SYS_OPENAT2:           at("openat2", opensHow, 2),
	unix.SYS_STATX:             at("statx", looks, 2),
	unix.SYS_FACCESSAT:         at("faccessat", looks, none),
	unix.SYS_FACCESSAT2:        at("faccessat2", looks, 3),
	unix.SYS_STATFS:            plain("statfs", looks),
	unix.SYS_CHDIR:             plain("chdir", looks),
	unix.SYS_INOTIFY_ADD_WATCH: plain("inotify_add_watch", looks).pathAt(none, 1),
	unix.SYS_GETXATTR:          plain("getxattr", looks),
	unix.SYS_LGETXATTR:         plain("lgetxattr", looks).noFollow(),
	unix.SYS_READLINKAT:        at("readlinkat", readsLink, none).noFollow(),
	unix.SYS_EXECVE:            plain("execve", runs),
	unix.SYS_EXECVEAT:          at("execveat", runs, 4),
	unix.SYS_FCHMODAT:          at("fchmodat", changes, none),
	unix.SYS_FCHMODAT2:         at("fchmodat2", changes, 3),
	unix.SYS_FCHOWNAT:          at("fchownat", changes, 4),
	unix.SYS_UTIMENSAT:         at("utimensat", changes, 3),
	unix.SYS_TRUNCATE:          plain("truncate", changes),
	unix.SYS_SETXATTR:          plain("setxattr", changes),
	unix.SYS_LSETXATTR:         plain("lsetxattr", changes).noFollow(),
	unix.SYS_MKDIRAT:           at("mkdirat", makes, none).noFollow(),
	unix.SYS_MKNODAT:           at("mknodat", makes, none).noFollow(),
	unix.SYS_SYMLINKAT:         plain("symlinkat", makes).pathAt(1, 2).noFollow(),
	unix.SYS_UNLINKAT:          at("unlinkat", removes, none).noFollow(),
	unix.SYS_RENAMEAT2:         at("renameat2", renames, 4).to(2, 3).noFollow(),
	unix.SYS_LINKAT:            at("linkat", links, 4).to(2, 3),
	unix.SYS_BIND:              plain("bind", listens),
	unix.SYS_CONNECT:           plain("connect", connects),
	unix.SYS_CHROOT:            plain("chroot", hides),
	unix.SYS_PIVOT_ROOT:        plain("pivot_root", hides),
	unix.SYS_MOUNT:             plain("mount", hides),
	unix.SYS_MOVE_MOUNT:        plain("move_mount", hides),
	unix.SYS_UMOUNT2:           plain("umount2", hides),
	unix.SYS_SETNS:             plain("setns", hides),
	unix.SYS_OPEN_BY_HANDLE_AT: plain("open_by_handle_at", hides),
	unix.SYS_PIDFD_GETFD:       plain("pidfd_getfd", hides),
	unix.SYS_SECCOMP:           plain("seccomp", innerWatch),
}
