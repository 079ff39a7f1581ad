package admission

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/admission/frame"
)

func TestAbandonedFolders(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "admission") //nolint:usetesting // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	folderOf := func(name string) string {
		t.Helper()
		folder := filepath.Join(dir, frame.FolderPrefix+name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	killed, left, young, known := folderOf("killed"), folderOf("left"), folderOf("young"), folderOf("known")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(killed, frame.SocketName)})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	living := listen(t)

	daemon := exec.Command("cat") // a runner's, that has outlived its guard
	daemon.Env = []string{"PATH=" + known + ":/bin"}
	in, err := daemon.StdinPipe()
	if err == nil {
		err = daemon.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{killed, left, known, living.Folder()} {
		age(t, folder)
	}
	want := func(there bool, folders ...string) {
		t.Helper()
		for _, folder := range folders {
			if _, err := os.Lstat(folder); there != (err == nil) || err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", folder, err)
			}
		}
	}
	listen(t)
	want(false, killed, left)
	want(true, young, known, living.Folder())

	_ = in.Close()
	if err := daemon.Wait(); err != nil {
		t.Fatal(err)
	}
	listen(t)
	want(false, known)
}

// age makes a folder as old as an abandoned one.
func age(t *testing.T, folder string) {
	t.Helper()
	old := time.Now().Add(-30 * 24 * time.Hour)
	if err := os.Chtimes(folder, old, old); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	s := listen(t)
	path := filepath.Join(s.Folder(), frame.SocketName)
	if err := errors.Join(os.Chmod(s.Folder(), 0o711), os.Chmod(path, 0o777)); err != nil {
		t.Fatal(err)
	}
	connected := make(chan error)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		runtime.LockOSThread() // for ever: this thread alone becomes another user, and ends with the goroutine
		_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534)
		if errno != 0 {
			connected <- errno
			return
		}
		connected <- unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	}()
	if err := <-connected; err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "socket")
	c, err := net.FileConn(f)
	_ = f.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(hang))
	other := &shim{t, c, frame.NewReader(c)}
	line, err := frame.Encode(anAsk)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write(line) // the server may have ended it
	other.wantEnd()
}
