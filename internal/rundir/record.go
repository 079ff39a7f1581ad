package rundir

import (
	"errors"
	"io"
	"os"
)

// record is the file of the run's events.
type record struct {
	run  *Run
	file *os.File
}

// Record makes the file that records the run's events. If the folder is removed while
// it is written, it is written again when it is closed.
func (r *Run) Record() (io.WriteCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dir == nil {
		if err := r.remakeLocked(); err != nil {
			return nil, err
		}
	}
	f, err := r.dir.Create(events)
	if err != nil {
		return nil, err
	}
	return &record{r, f}, nil
}

func (r *record) Write(p []byte) (int, error) {
	n, err := r.file.Write(p)
	return n, cause(err)
}

// Close ends the file.
func (r *record) Close() error {
	r.run.mu.Lock()
	defer r.run.mu.Unlock()
	return errors.Join(r.restoreLocked(), r.file.Close())
}

// restoreLocked writes the events to a new file if theirs was removed.
func (r *record) restoreLocked() error {
	was, err := r.file.Stat()
	if err != nil {
		return err
	}
	if r.run.dir != nil {
		if now, err := r.run.dir.Lstat(events); err == nil && os.SameFile(was, now) {
			return nil
		}
	}
	if err := r.run.remakeLocked(); err != nil {
		return err
	}
	f, err := r.run.dir.Create(events)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.NewSectionReader(r.file, 0, was.Size()))
	return errors.Join(err, f.Close())
}
