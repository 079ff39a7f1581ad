//go:build amd64 || arm64

package observe

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
