//go:build linux || darwin

package admission

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/heapmage/heapmage/internal/admission/frame"
)

// maxSocket is the greatest length of a socket's path on all systems, in bytes.
const maxSocket = 103

// settled is the age from which a folder without a server is an abandoned one. A younger
// one may belong to a server that is about to listen.
const settled = time.Minute

// places are the folders that may hold a shim folder, the best first.
func places() []string {
	list := []string{"/tmp"}
	if dir, err := filepath.Abs(os.TempDir()); err == nil && dir != list[0] {
		list = append([]string{dir}, list...)
	}
	return list
}

// usable reports whether a shim folder in dir can be an entry of PATH, and its socket can be
// reached.
func usable(dir string) bool {
	longest := filepath.Join(dir, frame.FolderPrefix+"4294967295", frame.SocketName)
	return !strings.Contains(dir, ":") && len(longest) <= maxSocket
}

func makeFolder(program string) (string, *net.UnixListener, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return "", nil, err
	}
	var failed error
	for _, place := range places() {
		if !usable(place) {
			continue
		}
		removeAbandoned(place)
		folder, listener, err := makeFolderIn(place, program)
		if err == nil {
			return folder, listener, nil
		}
		failed = err
	}
	return "", nil, failed
}

func makeFolderIn(place, program string) (string, *net.UnixListener, error) {
	folder, err := os.MkdirTemp(place, frame.FolderPrefix) // of mode 0700
	if err != nil {
		return "", nil, err
	}
	err = os.Symlink(program, filepath.Join(folder, frame.ShellName))
	if err == nil {
		var listener *net.UnixListener
		listener, err = net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: filepath.Join(folder, frame.SocketName)})
		if err == nil {
			return folder, listener, nil
		}
	}
	return "", nil, errors.Join(err, os.RemoveAll(folder))
}

// leaveFolder makes what stays of a shim folder a plain shell, for processes that live on
// and may start scripts with it: a package manager ends if its shell is missing.
func leaveFolder(folder string) error {
	link := filepath.Join(folder, "new")
	if err := os.Symlink("/bin/sh", link); err != nil {
		return err
	}
	return os.Rename(link, filepath.Join(folder, frame.ShellName))
}

// removeAbandoned removes the shim folders of this user in dir whose sockets no guard
// listens on, unless a process can find them.
func removeAbandoned(dir string) {
	entries, _ := os.ReadDir(dir) // some are enough
	var abandoned []string
	for _, e := range entries {
		folder := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), frame.FolderPrefix) && isAbandoned(folder) {
			abandoned = append(abandoned, folder)
		}
	}
	for _, folder := range unknown(abandoned) {
		_ = os.RemoveAll(folder) // does not follow links
	}
}

func isAbandoned(folder string) bool {
	info, err := os.Lstat(folder)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 || time.Since(info.ModTime()) < settled {
		return false
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
		return false
	}
	c, err := net.DialTimeout("unix", filepath.Join(folder, frame.SocketName), 100*time.Millisecond)
	if err == nil {
		_ = c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}
