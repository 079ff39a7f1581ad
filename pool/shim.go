package pool

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/heapmage/heapmage/internal/proc"
)

//go:embed node.cjs
var nodeShim []byte

// shim is the file that Node workers preload. It is made for the first one.
type shim struct {
	mu     sync.Mutex
	folder string
	forget func()
}

func (s *shim) path() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.folder == "" {
		folder, err := os.MkdirTemp("", "heapmage-pool-")
		if err != nil {
			return "", fmt.Errorf("make a folder for the worker's preload: %w", err)
		}
		s.folder, s.forget = folder, proc.RemoveOnDeath(folder)
	}
	path := filepath.Join(s.folder, "node.cjs")
	if _, err := os.Stat(path); err != nil { // also where a cleaner of temporary files took it
		if err := os.MkdirAll(s.folder, 0o700); err != nil {
			return "", fmt.Errorf("write the worker's preload: %w", err)
		}
		if err := os.WriteFile(path, nodeShim, 0o600); err != nil {
			return "", fmt.Errorf("write the worker's preload: %w", err)
		}
	}
	return path, nil
}

func (s *shim) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.folder != "" {
		_ = os.RemoveAll(s.folder) // what stays is one file in the system's temporary folder
		s.forget()
		s.folder = ""
	}
}
