package v8heap

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func TestRemoveAbandoned(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("has no such folders")
	}
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	// folder makes a server's folder. A killed server leaves its socket behind.
	folder := func(name string, killed bool, at time.Time) *Server {
		s := &Server{dir: filepath.Join(dir, name)}
		if err := os.Mkdir(s.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.socketPath()})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		if err := os.Chtimes(s.socketPath(), at, at); err != nil {
			t.Fatal(err)
		}
		if killed {
			_ = l.Close()
		} else {
			t.Cleanup(func() { _ = l.Close() })
		}
		return s
	}
	folder("heapmage-killed", true, old)
	folder("heapmage-young", true, time.Now())
	folder("heapmage-alive", false, old)
	folder("other-killed", true, old)
	kept := folder("heapmage-kept", true, old)
	if err := os.WriteFile(filepath.Join(kept.dir, "user.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"heapmage-empty": "", "heapmage-file": "heap.sock"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if text != "" {
			if err := os.WriteFile(filepath.Join(dir, name, text), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(filepath.Join(dir, name, text), old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for name, stays := range map[string]bool{
		"heapmage-killed": false,
		"heapmage-young":  true, "heapmage-alive": true, "heapmage-alive/heap.sock": true, "other-killed": true,
		"heapmage-kept/user.txt": true, "heapmage-empty": true, "heapmage-file/heap.sock": true,
	} {
		if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
}
