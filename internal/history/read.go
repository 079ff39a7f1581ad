package history

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/memtools"
)

const (
	// longest is the reader's buffer. It holds every line of ours, even if each
	// byte of its texts takes six.
	longest = 64 << 10
	// maxAside is how large the file of damaged lines may get, and maxAsideLine
	// how much of one line is kept there.
	maxAside     = 1 << 20
	maxAsideLine = 4 << 10
	// maxFile is the largest history that is read: 20 times that of 5,000 tasks.
	maxFile = 256 * memtools.MB
	// maxSkew is how far clocks may differ. A sample from later than that is from now:
	// it would never be superseded.
	maxSkew = 24 * time.Hour
	// maxOfMachine is how many times the memory of this machine a peak may be. A history
	// may come from a larger machine.
	maxOfMachine = 8
)

// contents is what a file holds.
type contents struct {
	samples
	lines   int // that could be read
	damaged int
	bad     []byte // the damaged lines, cut if they are long or many
}

// wasteful reports whether most of the file is superseded.
func (c *contents) wasteful() bool { return c.lines > 2*c.count()+64 }

// readFile reads the history without a lock.
func (s *Store) readFile() (contents, error) {
	folder, err := confined.Open(filepath.Split(s.dir))
	if err != nil {
		return contents{}, err
	}
	defer folder.Close()
	f, err := folder.OpenFile(s.name, os.O_RDONLY)
	if err != nil {
		return contents{}, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() > int64(maxFile) {
		return contents{}, errors.Join(err, fmt.Errorf("%s is larger than %s", s.name, maxFile.Short()))
	}
	return s.read(f)
}

// read reads a history to its end.
func (s *Store) read(from io.Reader) (c contents, err error) {
	now := epoch(time.Now())
	r := bufio.NewReaderSize(from, longest)
	for {
		line, err := r.ReadSlice('\n')
		fits := !errors.Is(err, bufio.ErrBufferFull)
		if !fits {
			c.spoil(line)
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.ReadSlice('\n')
		}
		atEnd := errors.Is(err, io.EOF)
		if err != nil && !atEnd {
			return c, err
		}
		if fits && len(line) > 0 && line[0] != '\n' { // Add may leave an empty one
			if e, bad := parseLine(line); bad != nil || s.absurd(memtools.Bytes(e.peak)) {
				c.spoil(line)
			} else {
				if e.at > now+maxSkew.Milliseconds() {
					e.at = now
				}
				c.addEntry(e)
				c.lines++
			}
		}
		if atEnd {
			return c, nil
		}
	}
}

// absurd reports whether a peak is more than this machine has by far: it is wrong, and a
// need that rests on it would keep the task from running.
func (s *Store) absurd(peak memtools.Bytes) bool {
	return s.Machine > 0 && peak/maxOfMachine > s.Machine
}

// spoil notes a damaged line.
func (c *contents) spoil(line []byte) {
	c.damaged++
	line = line[:min(len(line), maxAsideLine)]
	if len(c.bad)+len(line) < maxAside {
		c.bad = append(c.bad, line...)
		if line[len(line)-1] != '\n' {
			c.bad = append(c.bad, '\n')
		}
	}
}
