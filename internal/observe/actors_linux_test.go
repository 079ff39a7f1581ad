//go:build amd64 || arm64

package observe

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// actorVariable makes this test program a program that does one thing.
const actorVariable = "OBSERVE_TEST_ACTOR"

// TestMain plays an actor, or runs the tests.
func TestMain(m *testing.M) {
	name := os.Getenv(actorVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := actors[name](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// actors work in a folder with the files in, old and sub/deep.
var actors = map[string]func() error{
	"dirfd": func() error {
		dir, err := unix.Open("sub", unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		return closing(unix.Openat(dir, "deep", unix.O_RDONLY, 0))
	},
	"fchdir": func() error {
		dir, err := unix.Open("sub", unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		if err := unix.Fchdir(dir); err != nil {
			return err
		}
		return closing(unix.Open("deep", unix.O_RDONLY, 0))
	},
	"reopened": func() error {
		fd, err := unix.Open("in", unix.O_PATH, 0)
		if err != nil {
			return err
		}
		return closing(unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY, 0))
	},
	"reopened by /dev/fd": func() error {
		fd, err := unix.Open("in", unix.O_PATH, 0)
		if err != nil {
			return err
		}
		return closing(unix.Open(fmt.Sprintf("/dev/fd/%d", fd), unix.O_RDONLY, 0))
	},
	"cwd by proc": func() error { return closing(unix.Open("/proc/self/cwd/in", unix.O_RDONLY, 0)) },
	"tmpfile": func() error {
		fd, err := unix.Open(".", unix.O_TMPFILE|unix.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, "out", unix.AT_SYMLINK_FOLLOW)
	},
	"tmpfile by descriptor": func() error {
		fd, err := unix.Open(".", unix.O_TMPFILE|unix.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		// An unprivileged process may not: the try counts.
		_ = unix.Linkat(fd, "", unix.AT_FDCWD, "out", unix.AT_EMPTY_PATH)
		return nil
	},
	"exchange": func() error {
		return unix.Renameat2(unix.AT_FDCWD, "sub", unix.AT_FDCWD, "in", unix.RENAME_EXCHANGE)
	},
	"rename over": func() error {
		if err := unix.Mkdir("empty", 0o755); err != nil {
			return err
		}
		return unix.Rename("sub", "empty")
	},
	"hard link": func() error { return unix.Link("in", "out") },
	"exclusive in vain": func() error {
		if _, err := unix.Open("in", unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o644); err != unix.EEXIST {
			return fmt.Errorf("in: %v", err)
		}
		return closing(unix.Open("in", unix.O_RDONLY, 0))
	},
	"mkdir in vain": func() error {
		if err := unix.Mkdir("sub", 0o755); err != unix.EEXIST {
			return err
		}
		if err := os.WriteFile("sub/new", nil, 0o644); err != nil {
			return err
		}
		_, err := os.ReadDir("sub")
		return err
	},
	"beyond what is missing": func() error {
		if _, err := unix.Open("missing/../in", unix.O_RDONLY, 0); err != unix.ENOENT {
			return fmt.Errorf("missing/../in: %v", err)
		}
		if _, err := unix.Open("old/../in", unix.O_RDONLY, 0); err != unix.ENOTDIR {
			return fmt.Errorf("old/../in: %v", err)
		}
		return closing(unix.Open("in", unix.O_RDONLY, 0))
	},
	"removed folder": func() error {
		if err := os.Mkdir("d", 0o755); err != nil {
			return err
		}
		if err := os.Chdir("d"); err != nil {
			return err
		}
		if err := unix.Rmdir("../d"); err != nil {
			return err
		}
		return closing(unix.Open("../in", unix.O_RDONLY, 0))
	},
	"folder named deleted": func() error {
		if err := os.Chdir("odd (deleted)"); err != nil {
			return err
		}
		return closing(unix.Open("x", unix.O_RDONLY, 0))
	},
	"page boundary": func() error {
		long := strings.Repeat("./", 1500) + "in"
		// A path that lies across the end of a page, and one that ends at the end of what is mapped.
		for _, at := range []int{2*os.Getpagesize() - 7, 3*os.Getpagesize() - len(long) - 1} {
			all, err := unix.Mmap(-1, 0, 4*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
			if err != nil {
				return err
			}
			text := long
			if at == 2*os.Getpagesize()-7 {
				text = "sub/.././in"
			}
			copy(all[at:], text)
			if err := unix.Mprotect(all[3*os.Getpagesize():], unix.PROT_NONE); err != nil {
				return err
			}
			dir := unix.AT_FDCWD
			fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&all[at])), unix.O_RDONLY, 0, 0, 0)
			if errno != 0 {
				return errno
			}
			_ = unix.Close(int(fd))
		}
		return nil
	},
	"bad path": func() error {
		dir := unix.AT_FDCWD
		for _, p := range []uintptr{1, ^uintptr(0), 0} {
			if _, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(dir), p, unix.O_RDONLY, 0, 0, 0); errno != unix.EFAULT {
				return fmt.Errorf("%x: %v", p, errno)
			}
		}
		if _, err := unix.Open(strings.Repeat("x/", 4000), unix.O_RDONLY, 0); err != unix.ENAMETOOLONG {
			return err
		}
		return closing(unix.Open("in", unix.O_RDONLY, 0))
	},
	"threads": func() error {
		var all sync.WaitGroup
		failed := make(chan error, 1000)
		for i := range 20 {
			all.Go(func() {
				runtime.LockOSThread()
				for k := range 20 {
					failed <- os.WriteFile(fmt.Sprintf("t%d-%d", i, k), nil, 0o644)
					failed <- closing(unix.Open("in", unix.O_RDONLY, 0))
				}
			})
		}
		all.Wait()
		close(failed)
		for err := range failed {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"io_uring": func() error {
		var params [120]byte
		if _, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 4, uintptr(unsafe.Pointer(&params)), 0); errno != unix.ENOSYS {
			return fmt.Errorf("io_uring: %v", errno)
		}
		return closing(unix.Open("in", unix.O_RDONLY, 0))
	},
	"inner listener": func() error {
		runtime.LockOSThread()
		if _, err := install(); err == nil {
			return fmt.Errorf("a listener below a listener")
		}
		return nil
	},
	"vfork": func() error { return exec.Command("cat", "in").Run() }, // as Go starts programs
	"own server": func() error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return err
		}
		return c.Close()
	},
	"own server and another": func() error {
		if _, err := net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
		c, err := net.Dial("tcp", os.Getenv("SERVER"))
		if err != nil {
			return err
		}
		return c.Close()
	},
	"own socket": func() error {
		l, err := net.Listen("unix", "sock")
		if err != nil {
			return err
		}
		c, err := net.Dial("unix", "sock")
		if err != nil {
			return err
		}
		return joined(c.Close(), l.Close())
	},
	"other socket": func() error {
		c, err := net.Dial("unix", "outer")
		if err != nil {
			return err
		}
		return c.Close()
	},
	"chroot": func() error { _ = unix.Chroot("."); return nil },
}

func joined(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func closing(fd int, err error) error {
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
