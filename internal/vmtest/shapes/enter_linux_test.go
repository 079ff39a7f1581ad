package shapes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const mountPoint = "/sys/fs/cgroup"

// enter starts a command in a cgroup as a container runtime does:
//
//	enter PROCS OPTION,OPTION COMMAND…
//
// It joins the cgroup by its file PROCS, then follows the options in their order.
func enter(args []string) error {
	runtime.LockOSThread() // the namespaces are those of a thread, until exec
	if err := os.WriteFile(args[0], strconv.AppendInt(nil, int64(os.Getpid()), 10), 0); err != nil {
		return err
	}
	for option := range strings.FieldsFuncSeq(args[1], func(r rune) bool { return r == ',' }) {
		if err := options[option](); err != nil {
			return fmt.Errorf("%s: %w", option, err)
		}
	}
	path, err := exec.LookPath(args[2])
	if err != nil {
		return err
	}
	return unix.Exec(path, args[2:], os.Environ())
}

var options = map[string]func() error{
	// namespace makes the cgroup the root of all that its processes see, as Docker and
	// Kubernetes do with version 2.
	"namespace": func() error {
		if err := alone(unix.CLONE_NEWCGROUP); err != nil {
			return err
		}
		if err := unix.Unmount(mountPoint, unix.MNT_DETACH); err != nil {
			return err
		}
		return unix.Mount("cgroup2", mountPoint, "cgroup2", 0, "")
	},
	// read-only makes the files of all cgroups read-only.
	"read-only": func() error {
		if err := alone(0); err != nil {
			return err
		}
		if err := unix.Mount(mountPoint, mountPoint, "", unix.MS_BIND, ""); err != nil {
			return err
		}
		return unix.Mount("", mountPoint, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	},
	// inner does what docker-in-docker does: it makes two cgroups inside the visible root,
	// hands memory down, and goes on in the second.
	"inner": func() error {
		for _, name := range []string{"init", "inner"} {
			if err := os.Mkdir(filepath.Join(mountPoint, name), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(mountPoint, name, "cgroup.procs"), []byte("0"), 0); err != nil {
				return err
			}
		}
		return os.WriteFile(filepath.Join(mountPoint, "cgroup.subtree_control"), []byte("+memory"), 0)
	},
	// user goes on without root's rights.
	"user": func() error {
		if err := unix.Setgroups(nil); err != nil {
			return err
		}
		if err := unix.Setresgid(1000, 1000, 1000); err != nil {
			return err
		}
		return unix.Setresuid(1000, 1000, 1000)
	},
}

// alone gives this thread its own mounts, and other namespaces.
func alone(others int) error {
	if err := unix.Unshare(unix.CLONE_NEWNS | others); err != nil {
		return err
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}
