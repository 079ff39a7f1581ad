//go:build unix

package fingerprint

import (
	"errors"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestPipesAndSocketsAreNotOpened: opening them would wait, or act on another program.
func TestPipesAndSocketsAreNotOpened(t *testing.T) {
	root := t.TempDir()
	pipe, socket := filepath.Join(root, "pipe"), filepath.Join(root, "socket")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Skip(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Skip(err)
	}
	defer listener.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		d := open(root)
		for path, want := range map[string]State{pipe: "pipe", socket: "socket"} {
			for _, got := range []State{d.Content(path), d.Presence(path), d.Target(path), d.Names(path, nil)} {
				if got != want {
					t.Errorf("%q, not %q", got, want)
				}
			}
			if _, err := d.File(path); !errors.Is(err, ErrNotFile) {
				t.Error(err)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Error("it waits")
	}
}
