// Package record reads what heapmage recorded of runs in a workspace.
package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/rundir"
)

// Only returns the events of the only recorded run in the workspace at root.
func Only(root string) ([]event.Stamped, error) {
	found, err := files(root)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d records of one run", len(found))
	}
	return read(found[0])
}

// Newest returns the events of the newest recorded run in the workspace at root.
func Newest(root string) ([]event.Stamped, error) {
	found, err := files(root)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("there is none")
	}
	return read(slices.Max(found))
}

func files(root string) ([]string, error) {
	return filepath.Glob(filepath.Join(root, rundir.Name, "runs", "*", "events.jsonl"))
}

func read(file string) ([]event.Stamped, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return event.Decode(f)
}
