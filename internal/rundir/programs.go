package rundir

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/heapmage/heapmage/internal/confined"
)

// programs is the folder of programs for scripts in a .heapmage folder. It holds one
// folder for each set of programs, so that none ever changes below a script that runs.
const programs = "bin"

// Programs makes a folder of programs and returns its path: texts are scripts by the name
// of the program, links the paths that a program stands for. Files that are there already
// stay, so a second call costs little, and makes again what a script removed. If the
// workspace cannot be written, the folder is temporary like the run's. Without programs the
// path is empty.
func (r *Run) Programs(texts, links map[string]string) (dir string, err error) {
	if len(texts)+len(links) == 0 {
		return "", nil
	}
	base, name := filepath.Split(r.top)
	name += "/" + programs + "/" + digest(texts, links)
	f, err := confined.Make(base, filepath.ToSlash(name))
	if err != nil {
		return "", err
	}
	defer f.Close()
	for _, program := range slices.Sorted(maps.Keys(texts)) {
		if err := writeProgram(f, program+ending(), texts[program]); err != nil {
			return "", err
		}
	}
	for _, program := range slices.Sorted(maps.Keys(links)) {
		if target, err := f.Readlink(program); err == nil && target == links[program] {
			continue
		}
		_ = f.Remove(program) // whatever is there instead
		if err := f.Symlink(links[program], program); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	return filepath.Join(base, filepath.FromSlash(name)), nil
}

// ending makes a file a program.
func ending() string {
	if runtime.GOOS == "windows" {
		return ".cmd"
	}
	return ""
}

// digest names a set of programs.
func digest(texts, links map[string]string) string {
	sum := sha256.New()
	for _, all := range []map[string]string{texts, links} {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			fmt.Fprintf(sum, "%q %q\n", name, all[name])
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// writeProgram writes a program, unless it is there. Another run may do so at the same
// time: the file gets its name once it is whole.
func writeProgram(f *confined.Folder, name, text string) error {
	if file, err := f.OpenFile(name, os.O_RDONLY); err == nil {
		have, err := io.ReadAll(io.LimitReader(file, int64(len(text))+1))
		info, statErr := file.Stat()
		_ = file.Close() // it was only read
		if err == nil && statErr == nil && string(have) == text && (runtime.GOOS == "windows" || info.Mode()&0o100 != 0) {
			return nil
		}
	}
	half := fmt.Sprintf("%s.%d.new", name, os.Getpid())
	file, err := f.Create(half)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Chmod(0o755), file.Close()); err == nil {
		err = f.Rename(half, name)
	}
	if err != nil {
		_ = f.Remove(half) // no later run has this name for it, so none would replace it
	}
	return err
}
