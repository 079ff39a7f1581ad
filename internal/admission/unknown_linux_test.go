package admission

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

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
