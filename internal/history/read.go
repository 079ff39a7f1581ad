package history

import (
	"bufio"
	"errors"
	"io"
	"os"
)

const (
	// longest is the reader's buffer. It holds every line of ours, even if each
	// byte of its texts takes six.
	longest = 64 << 10
	// maxAside is how large the file of damaged lines may get, and maxAsideLine
	// how much of one line is kept there.
	maxAside     = 1 << 20
	maxAsideLine = 4 << 10
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

// readFile reads a history without a lock.
func readFile(path string) (contents, error) {
	f, err := os.Open(path)
	if err != nil {
		return contents{}, err
	}
	defer f.Close()
	return read(f)
}

// read reads a history to its end.
func read(from io.Reader) (c contents, err error) {
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
			if e, bad := parseLine(line); bad != nil {
				c.spoil(line)
			} else {
				c.addEntry(e)
				c.lines++
			}
		}
		if atEnd {
			return c, nil
		}
	}
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
