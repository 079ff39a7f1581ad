package inspect

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/workspace"
)

// runFile is a kind of file about a run.
type runFile struct {
	name   string // in the run's folder
	target string // that writes it
	// ours reports by the first bytes whether a file is of this kind. Others are not replaced.
	ours func(beginning []byte) bool
}

// write writes such a file about the run id: where the user named one, or into the run's folder.
func (k runFile) write(ws *workspace.Workspace, id, file string, write func(*os.File) error) (path, shown string, err error) {
	path, shown = ws.Path(file), file
	if file != "" {
		err = k.replace(path, shown, write)
	} else if shown, err = rundir.Add(ws.Root, id, k.name, write); err == nil {
		path = filepath.Join(ws.Root, shown)
	} else {
		shown = rundir.Name
	}
	if known := (*problem.Error)(nil); err != nil && !errors.As(err, &known) {
		err = &problem.Error{Where: shown, What: "cannot be written", Cause: err, Hint: "name a file in a writable folder with -file=, and make room on its disk"}
	}
	return path, shown, err
}

// replace writes a file that is new, empty, or of this kind, and that the user named shown.
func (k runFile) replace(path, shown string, write func(*os.File) error) error {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.Mode().IsRegular() && info.Size() > 0:
		if ours, err := k.isOurs(path); err != nil {
			return err
		} else if !ours {
			return &problem.Error{Where: shown, What: "is a file that " + k.target + " did not write", Hint: "remove it, or name another file"}
		}
	}
	return create(path, write)
}

// create writes a file, in place of what it has. A pipe must have a reader: it is not waited for, and
// this process is none itself.
func create(path string, write func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

func (k runFile) isOurs(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	beginning := make([]byte, 100)
	n, err := io.ReadFull(f, beginning)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return k.ours(beginning[:n]), err
}
