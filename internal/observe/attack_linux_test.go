//go:build amd64 || arm64

package observe

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
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

// stage is a folder with files for an actor.
func stage(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"in": "1", "sub/deep": "2", "old": "3", "odd (deleted)/x": "4"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// act runs an actor, observed.
func act(t *testing.T, o *Observer, dir, name string, more ...string) Observation {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got, out, err := watch(t, o, dir, append(append([]string{"env", actorVariable + "=" + name}, more...), program)...)
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
	return got
}

func TestCalls(t *testing.T) {
	o := &Observer{}
	t.Cleanup(o.Close)
	for name, want := range map[string]map[string]string{
		"dirfd":                  {"sub/deep": "read"},
		"fchdir":                 {"sub/deep": "read"},
		"reopened":               {"in": "read"},
		"reopened by /dev/fd":    {"in": "read"},
		"cwd by proc":            {"in": "read"},
		"tmpfile":                {"out": "absent written"},
		"tmpfile by descriptor":  {"out": "absent written"},
		"exchange":               {"in": "read written", "sub": "listed deep written", "sub/deep": "read written", "in/deep": "absent written"},
		"rename over":            {"sub/deep": "read written", "empty/deep": "absent written", "empty": "absent written"},
		"hard link":              {"in": "read", "out": "absent written"},
		"exclusive in vain":      {"in": "read written"},
		"mkdir in vain":          {"sub": "listed deep,new written", "sub/new": "absent written"},
		"beyond what is missing": {"in": "read", "missing": "absent", "old": "read"},
		"folder named deleted":   {"odd (deleted)/x": "read"},
		"page boundary":          {"in": "read"},
		"bad path":               {"in": "read"},
		"threads":                {"in": "read", "t19-19": "absent written"},
		"io_uring":               {"in": "read"},
		"vfork":                  {"in": "read"},
		"own server":             {},
		"own socket":             {"sock": "absent written"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := stage(t)
			got := act(t, o, dir, name)
			if len(got.Incomplete)+len(got.Asked) > 0 || got.Disturbed != "" {
				t.Errorf("incomplete %q, asked %q, disturbed %q", got.Incomplete, got.Asked, got.Disturbed)
			}
			for file, want := range want {
				f, ok := got.Files[filepath.Join(dir, file)]
				if text := f.text(); !ok || text != want {
					t.Errorf("%s: %q, want %q (met: %v)", file, text, want, ok)
				}
			}
		})
	}
}

// TestDoubts: what cannot be followed makes an observation incomplete, or disturbed.
func TestDoubts(t *testing.T) {
	o := &Observer{}
	t.Cleanup(o.Close)
	dir := stage(t)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	outer, err := net.Listen("unix", filepath.Join(dir, "outer"))
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	if got := act(t, o, dir, "removed folder"); len(got.Incomplete) != 1 {
		t.Errorf("removed folder: %q", got.Incomplete)
	}
	if got := act(t, o, dir, "chroot"); len(got.Incomplete) == 0 {
		t.Error("chroot")
	}
	if got := act(t, o, dir, "inner listener"); got.Disturbed == "" {
		t.Error("an inner listener")
	}
	if got := act(t, o, dir, "other socket"); len(got.Asked) != 1 || got.Asked[0] != filepath.Join(dir, "outer") {
		t.Errorf("other socket: %q", got.Asked)
	}
	// Where an ephemeral port was asked for, such a port may be the tree's own.
	server := tcp.Addr().String()
	if got := act(t, o, dir, "own server and another", "SERVER="+server); len(got.Asked) > 0 {
		t.Logf("asked %q", got.Asked)
	}
	low, err := net.Listen("tcp", "127.0.0.1:14873")
	if err != nil {
		t.Skip(err)
	}
	defer low.Close()
	if got := act(t, o, dir, "own server and another", "SERVER="+low.Addr().String()); len(got.Asked) != 1 {
		t.Errorf("another server: %q", got.Asked)
	}
}

// TestOtherArchitecture: 32-bit calls are not followed, and are told.
func TestOtherArchitecture(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the program is for x86")
	}
	// An ELF file that opens "in" and ends, by int 0x80.
	const at, code, path = 0x08048000, 0x54, 0x6f
	word := func(n uint32) string { return string([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}) }
	text := "\x7fELF\x01\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00\x03\x00" + word(1) + word(at+code) + word(0x34) + word(0) + word(0) +
		"\x34\x00\x20\x00\x01\x00\x00\x00\x00\x00\x00\x00" +
		word(1) + word(0) + word(at) + word(at) + word(0x80) + word(0x80) + word(5) + word(0x1000) +
		"\xb8" + word(5) + "\xbb" + word(at+path) + "\x31\xc9\x31\xd2\xcd\x80" + "\xb8" + word(1) + "\x31\xdb\xcd\x80" + "in\x00"
	text += strings.Repeat("\x00", 0x80-len(text))
	dir := stage(t)
	program := filepath.Join(dir, "program32")
	if err := os.WriteFile(program, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command(program).Run(); err != nil {
		t.Skipf("this kernel runs no 32-bit programs: %v", err)
	}
	o := &Observer{}
	t.Cleanup(o.Close)
	if got, out, err := watch(t, o, dir, program); err != nil || len(got.Incomplete) == 0 {
		t.Errorf("%v, %q, %s", err, got.Incomplete, out)
	}
}

// TestUnsteady: a file that another changed between two looks is told.
func TestUnsteady(t *testing.T) {
	dir := stage(t)
	o := &Observer{}
	t.Cleanup(o.Close)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 500 {
			time.Sleep(10 * time.Millisecond)
			if _, err := os.Stat(filepath.Join(dir, "ready")); err == nil {
				_ = os.WriteFile(filepath.Join(dir, "flag"), []byte("x"), 0o644)
				return
			}
		}
	}()
	got, _, err := watch(t, o, dir, "sh", "-c", `[ -e flag ]; cat in >ready; while ! [ -e flag ]; do sleep 0.01; done; cat flag`)
	<-done
	if err != nil || !got.Files[filepath.Join(dir, "flag")].Unsteady || got.Files[filepath.Join(dir, "in")].Unsteady {
		t.Errorf("%v, %+v", err, got.Files[filepath.Join(dir, "flag")])
	}
}

// TestNobody: an observer works for a user without rights.
func TestNobody(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root")
	}
	dir := stage(t)
	for at := dir; at != "/"; at = filepath.Dir(at) {
		if info, err := os.Stat(at); err == nil && info.Mode().Perm()&0o005 != 0o005 {
			if !strings.HasPrefix(at, os.TempDir()+"/") {
				t.Skip(at + " is closed to others")
			}
			if err := os.Chmod(at, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	program := filepath.Join(dir, "program")
	text, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, text, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "-test.run=TestObserve$|TestCalls/(dirfd|threads|tmpfile)|TestSetuid", "-test.v")
	c.Env = append(os.Environ(), "TMPDIR="+dir)
	c.Dir = dir
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestSetuid: a program that cannot gain the rights of its owner has been disturbed.
func TestSetuid(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root needs no rights")
	}
	path, err := exec.LookPath("su")
	if err != nil {
		t.Skip(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode()&os.ModeSetuid == 0 {
		t.Skip("su has no setuid bit")
	}
	o := &Observer{}
	t.Cleanup(o.Close)
	got, _, _ := watch(t, o, stage(t), "su", "--version")
	if got.Disturbed == "" {
		t.Error("not disturbed")
	}
}

// pidOf waits for a file with a process id.
func pidOf(t *testing.T, file string) int {
	t.Helper()
	for range 1000 {
		if text, err := os.ReadFile(file); err == nil && strings.HasSuffix(string(text), "\n") {
			if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
				return n
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no " + file)
	return 0
}

// keeperOf is the process id of our keeper: the one in its own session.
func keeperOf(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	newest := 0 // that of an earlier test may not have ended yet
	for _, e := range all {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		status, _ := os.ReadFile("/proc/" + e.Name() + "/status")
		line, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())) && strings.HasPrefix(string(line), keeperName) {
			newest = max(newest, pid)
		}
	}
	if newest == 0 {
		t.Fatal("no keeper")
	}
	return newest
}

// launch starts a command, observed, without waiting for it.
func launch(t *testing.T, o *Observer, dir, script string) (*Watch, *exec.Cmd) {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	w, program, words, err := o.Command(sh, []string{"sh", "-c", script}, 3)
	if err != nil {
		t.Fatal(err)
	}
	c := &exec.Cmd{Path: program, Args: words, Dir: dir, ExtraFiles: []*os.File{w.File()}}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.Started()
	t.Cleanup(func() { _ = c.Process.Kill() })
	return w, c
}

// ends fails the test if a command does not end in time.
func ends(t *testing.T, c *exec.Cmd) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it hangs")
	}
}

const busy = "echo $$ >pid; for i in $(seq 300); do cat in >/dev/null; done; echo done >end"

// TestKeeperKilled: commands go on, the observation fails, and the next command is observed.
func TestKeeperKilled(t *testing.T) {
	o := &Observer{}
	t.Cleanup(o.Close)
	for range 3 {
		dirs := []string{stage(t), stage(t)}
		w1, c1 := launch(t, o, dirs[0], busy)
		w2, c2 := launch(t, o, dirs[1], busy)
		pidOf(t, filepath.Join(dirs[0], "pid"))
		if err := syscall.Kill(keeperOf(t), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		ends(t, c1)
		ends(t, c2)
		for _, w := range []*Watch{w1, w2} {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			got, err := w.Finish(ctx)
			cancel()
			if err == nil && len(got.Incomplete) == 0 {
				t.Error("the observation counts as complete")
			}
		}
		if got := act(t, o, dirs[0], "dirfd"); !got.Files[filepath.Join(dirs[0], "sub/deep")].Read {
			t.Error("the next command is not observed")
		}
	}
}

// TestKeeperKilledLater: so it is if a slot was used before by what still lives.
func TestKeeperKilledLater(t *testing.T) {
	o := &Observer{}
	t.Cleanup(o.Close)
	dir := stage(t)
	if _, out, err := watch(t, o, dir, "sh", "-c", "(while [ -e in ]; do :; done) >/dev/null 2>&1 & echo $! >daemon"); err != nil {
		t.Fatal(out, err)
	}
	w, c := launch(t, o, dir, busy)
	pidOf(t, filepath.Join(dir, "pid"))
	_ = syscall.Kill(keeperOf(t), syscall.SIGKILL)
	ends(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := w.Finish(ctx); err == nil {
		t.Error("the observation counts as complete")
	}
	_ = syscall.Kill(pidOf(t, filepath.Join(dir, "daemon")), syscall.SIGKILL)
}

// TestStopped: a child is stopped and goes on, with calls that wait.
func TestStopped(t *testing.T) {
	o := &Observer{}
	t.Cleanup(o.Close)
	dir := stage(t)
	w, c := launch(t, o, dir, busy)
	pid := pidOf(t, filepath.Join(dir, "pid"))
	for range 50 {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
		time.Sleep(time.Millisecond)
		_ = syscall.Kill(pid, syscall.SIGCONT)
		time.Sleep(time.Millisecond)
	}
	ends(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	got, err := w.Finish(ctx)
	if err != nil || len(got.Incomplete) > 0 || !got.Files[filepath.Join(dir, "in")].Read {
		t.Errorf("%v, %q", err, got.Incomplete)
	}
}

// TestMany: many commands at once, each with many processes that only fork.
func TestMany(t *testing.T) {
	o := &Observer{}
	t.Cleanup(o.Close)
	dir := stage(t)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			got, out, err := watch(t, o, dir, "sh", "-c", fmt.Sprintf("for k in 1 2 3 4 5; do ( read x <in; echo 1 >out%d-$k ) & done; wait", i))
			if err != nil || len(got.Incomplete) > 0 {
				t.Errorf("%v %q %s", err, got.Incomplete, out)
			}
			for k := 1; k <= 5; k++ {
				if !got.Files[filepath.Join(dir, fmt.Sprintf("out%d-%d", i, k))].Written {
					t.Errorf("out%d-%d is not seen", i, k)
				}
			}
		})
	}
	all.Wait()
}

// TestParentStopsOrDies: a keeper answers while the process that began it is stopped, and
// after its death, and ends with the last process.
func TestParentStopsOrDies(t *testing.T) {
	if os.Getenv("OBSERVE_TEST_PARENT") != "" {
		o := &Observer{}
		_, c := launch(t, o, ".", os.Getenv("OBSERVE_TEST_PARENT"))
		_ = os.WriteFile("keeper", []byte(strconv.Itoa(keeperOf(t))+"\n"), 0o644)
		_ = c.Wait()
		time.Sleep(time.Minute)
		return
	}
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		dir := stage(t)
		parent := exec.Command("/proc/self/exe", "-test.run=TestParentStopsOrDies")
		parent.Dir = dir
		parent.Env = append(os.Environ(), "OBSERVE_TEST_PARENT=echo 1 >begun; while ! [ -e go ]; do sleep 0.01; done; for i in $(seq 50); do cat in >/dev/null; done; echo 1 >end")
		if err := parent.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = parent.Process.Kill(); _ = parent.Wait() })
		keeper := pidOf(t, filepath.Join(dir, "keeper"))
		pidOf(t, filepath.Join(dir, "begun"))
		if err := parent.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if signal == syscall.SIGKILL {
			_ = parent.Wait()
		}
		if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		pidOf(t, filepath.Join(dir, "end"))
		if signal == syscall.SIGKILL {
			gone := false
			for range 500 {
				status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", keeper))
				if gone = err != nil || strings.Contains(string(status), "State:\tZ"); gone {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if !gone {
				t.Error("the keeper stays")
			}
		}
	}
}
