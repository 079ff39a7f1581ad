package confined

import (
	"errors"
	"os"
)

// ErrLocked means that another process, or another part of this one, has the lock.
var ErrLocked = errors.New("another run holds it")

// TryLock takes the lock that a file of the folder stands for, and makes the file. It
// never waits: if the lock is taken, the error is ErrLocked. On a file system or a
// system without locks it holds nothing off.
func (f *Folder) TryLock(name string) (unlock func(), err error) {
	file, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if taken := lock(file); taken {
		return nil, errors.Join(f.fail(name, ErrLocked), file.Close())
	}
	return func() { _ = file.Close() }, nil // the lock goes with the descriptor
}
