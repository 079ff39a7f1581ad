//go:build unix

package gomod

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestOddGoFiles: a pipe or a device that is called like a Go file is none.
func TestOddGoFiles(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "a.go"), 0o644); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "b.go")); err != nil {
		t.Fatal(err)
	}
	found := make(chan bool)
	go func() { found <- hasMain(dir) }()
	select {
	case main := <-found:
		if main {
			t.Error("it has a program")
		}
	case <-time.After(20 * time.Second):
		t.Error("it waits, or reads for ever")
	}
}
