//go:build unix

package folder

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestAPipe: nothing waits for somebody to write.
func TestAPipe(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Skip(err)
	}
	done := make(chan error)
	go func() {
		_ = Head(dir, "pipe", 10)
		_, err := ReadFile(path)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, ErrNotFile) {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it waits")
	}
}
