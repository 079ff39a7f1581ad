package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// installedExample copies the example to dir and installs it.
func installedExample(ctx context.Context, dir string) (string, error) {
	if err := os.CopyFS(dir, sources{os.DirFS("examples/typescript-monorepo")}); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "npm", "ci", "--prefix", dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return dir, nil
}

// sources is a folder as it is in a fresh clone.
type sources struct{ fs.FS }

// ReadDir omits what builds and installs add.
func (s sources) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(s.FS, name)
	var kept []fs.DirEntry
	for _, e := range entries {
		switch e.Name() {
		case "node_modules", "dist", ".heapmage":
		default:
			kept = append(kept, e)
		}
	}
	return kept, err
}

// removeOutputs removes what builds of the example leave behind.
func removeOutputs(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "node_modules":
			return filepath.SkipDir
		case d.IsDir() && d.Name() == "dist":
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			return filepath.SkipDir
		case strings.HasSuffix(path, ".tsbuildinfo"):
			return os.Remove(path)
		}
		return nil
	})
}
