package process

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/heapmage/heapmage/internal/proc"
)

//go:embed node.cjs
var nodePreload []byte

// preload is the file that Node workers load before their script. It is written
// for the first worker.
type preload struct {
	mu     sync.Mutex // guards all below
	folder string
	forget func() // undoes the removal on our death
}

// path returns the file, written anew if a cleaner of temporary files took it.
func (p *preload) path() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.folder == "" {
		folder, err := os.MkdirTemp("", "heapmage-pool-")
		if err != nil {
			return "", fmt.Errorf("make a folder for the worker's preload: %w", err)
		}
		p.folder, p.forget = folder, proc.RemoveOnDeath(folder)
	}
	path := filepath.Join(p.folder, "node.cjs")
	if _, err := os.Stat(path); err != nil {
		if err := os.MkdirAll(p.folder, 0o700); err != nil {
			return "", fmt.Errorf("write the worker's preload: %w", err)
		}
		if err := os.WriteFile(path, nodePreload, 0o600); err != nil {
			return "", fmt.Errorf("write the worker's preload: %w", err)
		}
	}
	return path, nil
}

func (p *preload) remove() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.folder != "" {
		_ = os.RemoveAll(p.folder) // what stays is one small file in the temporary folder
		p.forget()
		p.folder = ""
	}
}
