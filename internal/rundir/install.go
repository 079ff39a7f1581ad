package rundir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/heapmage/heapmage/internal/confined"
)

// installing marks an installation of dependencies that has begun and not succeeded. It is
// in the .heapmage folder, as the next run has to find it.
const installing = "installing"

// installed marks the last one that succeeded. Some managers leave no mark of their own.
const installed = "installed"

// installLock is held by the run that installs dependencies.
const installLock = "install.lock"

// LockInstall waits until no other run installs dependencies, or ctx is done, and keeps others
// from it. It calls waits once if it has to wait. Where no lock can be made nothing is held off.
func (r *Run) LockInstall(ctx context.Context, waits func()) (unlock func()) {
	for first := true; ; first = false {
		unlock, busy := r.tryLockInstall()
		if !busy {
			return unlock
		}
		if first {
			waits()
		}
		select {
		case <-ctx.Done():
			return unlock
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// tryLockInstall does not wait. busy is true if another run installs: then nothing is held.
func (r *Run) tryLockInstall() (unlock func(), busy bool) {
	f, err := confined.Make(filepath.Split(r.top))
	if err != nil {
		return func() {}, false
	}
	defer f.Close()
	unlock, err = f.TryLock(installLock)
	if err != nil {
		return func() {}, errors.Is(err, confined.ErrLocked)
	}
	return unlock, false
}

// BeginInstall marks that dependencies are being installed. If the mark cannot be made,
// an installation that is interrupted is not seen by the next run.
func (r *Run) BeginInstall() {
	f, err := confined.Make(filepath.Split(r.top))
	if err != nil {
		return
	}
	defer f.Close()
	if file, err := f.Create(installing); err == nil {
		_ = file.Close() // its time is all that counts
	}
}

// EndInstall notes that the dependencies are installed.
func (r *Run) EndInstall() {
	f, err := confined.Open(filepath.Split(r.top))
	if err != nil {
		return
	}
	defer f.Close()
	_ = f.Remove(installing) // it is there, unless the installation removed .heapmage
	_ = f.Remove(installed)  // it may be there
	if file, err := f.Create(installed); err == nil {
		_ = file.Close() // its time is all that counts
	}
}

// UnfinishedInstall is when an installation began that did not succeed; zero if there is
// none.
func UnfinishedInstall(root string) time.Time { return markedAt(root, installing) }

// FinishedInstall is when the last installation succeeded; zero if none is known.
func FinishedInstall(root string) time.Time { return markedAt(root, installed) }

func markedAt(root, mark string) time.Time {
	info, err := os.Lstat(filepath.Join(root, Name, mark))
	if err != nil || !info.Mode().IsRegular() {
		return time.Time{}
	}
	return info.ModTime()
}

// Tail returns the end of the log at a path, at most 16 KB: what a program wrote about its
// failure. It is empty if the log cannot be read.
func (r *Run) Tail(path string) []byte {
	log, err := r.Read(path)
	if err != nil {
		return nil
	}
	defer log.Close() // it is only read
	text := make([]byte, min(log.Size(), 16<<10))
	n, _ := log.ReadAt(text, log.Size()-int64(len(text))) // what can be read is enough
	return text[:n]
}
