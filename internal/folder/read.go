package folder

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Largest is the size of the largest file that is read, in bytes. Settings and
// manifests that people write are far smaller.
const Largest = 16 << 20

// The reasons not to read a file that is there.
var (
	ErrNotFile  = errors.New("it is not a regular file")
	ErrTooLarge = errors.New("it is larger than 16MB")
)

// ReadFile is os.ReadFile for a regular file of at most Largest bytes, or a link to
// one. The null device is an empty file. The error is ErrNotFile, ErrTooLarge or one of
// the system, without the path.
func ReadFile(path string) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, Largest+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if len(text) > Largest {
		return nil, ErrTooLarge
	}
	return text, nil
}

// Hint tells what to do about an error of ReadFile.
func Hint(err error) string {
	switch {
	case errors.Is(err, ErrNotFile):
		return "put a regular file in its place, or remove it"
	case errors.Is(err, ErrTooLarge):
		return "it should be far smaller: is it the right file?"
	default:
		return "fix the file's permissions"
	}
}

// open opens a regular file, or the null device.
func open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !readable(info) {
		return nil, ErrNotFile
	}
	// Should a pipe be there by now, opening it must not wait.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err != nil || !readable(info) {
		return nil, errors.Join(ErrNotFile, f.Close())
	}
	return f, nil
}

// readable reports whether reading a file comes to an end. A link to the null device
// is a usual way to say that there are no settings.
func readable(info fs.FileInfo) bool {
	if info.Mode().IsRegular() {
		return true
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(info, null)
}

func withoutPath(err error) error {
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
