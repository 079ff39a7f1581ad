package elder

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/proctable"
)

// mark is what the name of a mark tells.
type mark struct {
	proctable.Identity
	run  string
	name string // all of it
}

// parse reads a name such as "4242-123456-019a0b1c2d3e4f5061728394".
func parse(name string) (m mark, ok bool) {
	pid, rest, _ := strings.Cut(name, "-")
	start, run, _ := strings.Cut(rest, "-")
	var errs [2]error
	m.PID, errs[0] = strconv.Atoi(pid)
	m.Start, errs[1] = strconv.ParseUint(start, 10, 64)
	m.run, m.name = run, name
	return m, errors.Join(errs[:]...) == nil && m.PID > 0 && run != ""
}

// before reports whether the run m began before another.
func (m mark) before(other proctable.Identity) bool {
	return cmp.Or(cmp.Compare(m.Start, other.Start), cmp.Compare(m.PID, other.PID)) < 0
}

// exists reports whether the process is there.
func (m mark) exists() bool {
	p, err := proctable.Lookup(m.PID)
	return err == nil && p.Start == m.Start && !p.Zombie
}

// runs reports whether the process is there and is not stopped.
func (m mark) runs() bool {
	p, err := proctable.Lookup(m.PID)
	return err == nil && p.Start == m.Start && !p.Zombie && !p.Stopped
}

// folderName is the folder of marks in a temporary folder.
const folderName = "heapmage-runs"

// openFolder opens the folder of marks in a temporary folder, and makes it if it is
// missing. Everyone may add to it, and remove what is their own.
func openFolder(place string) (*os.Root, error) {
	root, err := os.OpenRoot(place)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if root.Mkdir(folderName, 0o700) == nil {
		_ = root.Chmod(folderName, 0o777|fs.ModeSticky) // which Mkdir does not set; until then it is ours alone
	}
	info, err := root.Lstat(folderName)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, errors.New("it is not a folder")
	}
	folder, err := root.OpenRoot(folderName)
	if err != nil {
		return nil, err
	}
	if now, err := folder.Stat("."); err != nil || !os.SameFile(info, now) {
		return nil, errors.Join(errors.New("it was replaced"), err, folder.Close())
	}
	return folder, nil
}
