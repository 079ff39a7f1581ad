package shard

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/problem"
)

// Write writes the plan to a file that the user named shown, whole or not at all. It replaces
// nothing but a plan. It sets the digest.
func (p *Plan) Write(path, shown string) error {
	if had, err := folder.ReadFile(path); err == nil && len(bytes.TrimSpace(had)) > 0 && !isPlan(had) {
		return &problem.Error{Where: "-plan=" + shown, What: "is a file that ci:matrix did not write", Hint: "remove it, or name another file"}
	}
	text, err := p.text()
	if err != nil {
		return err
	}
	dir, err := confined.Open(filepath.Dir(path), ".")
	if err == nil {
		err = errors.Join(dir.Replace(filepath.Base(path), func(f *os.File) error {
			_, err := f.Write(text)
			return err
		}), dir.Close())
	}
	if err != nil {
		return &problem.Error{Where: "-plan=" + shown, What: "cannot be written", Cause: err, Hint: "name a file in a writable folder, and make room on its disk"}
	}
	return nil
}

// Read reads the file of a plan that the user named shown. Every error is one that the user can fix.
func Read(path, shown string) (*Plan, error) {
	text, err := folder.ReadFile(path)
	if err != nil {
		return nil, &problem.Error{Where: "-plan=" + shown, What: "cannot be read", Cause: err, Hint: "ci:matrix writes it, and every shard gets it; a relative name starts at the workspace's root"}
	}
	return parse("-plan="+shown, text)
}
