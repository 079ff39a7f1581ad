package shape

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/memtools"
)

//go:embed heap.cjs
var heapScript string

// step is the time between two pieces of growth.
const step = 10 * time.Millisecond

// Take takes the memory, holds it and gives it back. Some kinds start processes:
// this program with the given arguments and those of a shape after them.
func (s Shape) Take(self ...string) error {
	switch s.Kind {
	case Grow:
		return s.grow(unix.MAP_PRIVATE|unix.MAP_ANON, -1)
	case Saw:
		for range s.Times {
			if err := s.grow(unix.MAP_PRIVATE|unix.MAP_ANON, -1); err != nil {
				return err
			}
		}
		return nil
	case Procs:
		part := Shape{Grow, s.Size / memtools.Bytes(s.Times), s.Rate / memtools.Bytes(s.Times), 1, s.Hold}
		part.Size, part.Rate = max(part.Size, memtools.MB), max(part.Rate, memtools.MB)
		return part.start(s.Times, self, nil)
	case Shared:
		return s.inMemory(func(f *os.File) error {
			part := s
			part.Kind = mapped
			return part.start(s.Times, self, f)
		})
	case mapped:
		return s.grow(unix.MAP_SHARED, 3)
	case Hidden:
		return s.inMemory(s.fill)
	case File:
		return s.onDisk()
	case Node:
		c := exec.Command("node", "-e", heapScript, "--", strconv.Itoa(int(s.Size/memtools.MB)), strconv.Itoa(int(s.Rate/memtools.MB)),
			strconv.Itoa(int(s.Hold.Milliseconds())))
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		return c.Run()
	default:
		return fmt.Errorf("unknown kind of shape %q", s.Kind)
	}
}

// grow maps the memory and touches it.
func (s Shape) grow(flags, fd int) error {
	m, err := unix.Mmap(fd, 0, int(s.Size), unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return err
	}
	page := os.Getpagesize()
	s.inSteps(func(from, to int) {
		for i := from; i < to; i += page {
			m[i] = 1
		}
	})
	time.Sleep(s.Hold)
	return unix.Munmap(m)
}

// inSteps calls touch for one part after another, no faster than the rate.
func (s Shape) inSteps(touch func(from, to int)) {
	part := max(1, int(s.Rate)/int(time.Second/step))
	for from := 0; from < int(s.Size); from += part {
		touch(from, min(from+part, int(s.Size)))
		time.Sleep(step)
	}
}

// start runs copies of this program at once, with f as their descriptor 3.
func (s Shape) start(count int, self []string, f *os.File) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	var all []*exec.Cmd
	for range count {
		c := exec.Command(program, append(slices.Clip(self), s.Args()...)...)
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if f != nil {
			c.ExtraFiles = []*os.File{f}
		}
		if failed := c.Start(); failed != nil {
			err = errors.Join(err, failed)
			break
		}
		all = append(all, c)
	}
	for _, c := range all {
		err = errors.Join(err, c.Wait())
	}
	return err
}

// inMemory calls use with a file in memory of the shape's size. It still holds nothing.
func (s Shape) inMemory(use func(*os.File) error) error {
	fd, err := unix.MemfdCreate("shape", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "shape")
	defer f.Close()
	if err := f.Truncate(int64(s.Size)); err != nil {
		return err
	}
	return use(f)
}

// fill writes the file in steps.
func (s Shape) fill(f *os.File) (err error) {
	zeros := make([]byte, memtools.MB)
	s.inSteps(func(from, to int) {
		for err == nil && from < to {
			var n int
			n, err = f.WriteAt(zeros[:min(len(zeros), to-from)], int64(from))
			from += n
		}
	})
	if err == nil {
		time.Sleep(s.Hold)
	}
	return err
}

// onDisk maps a file without a name in the working folder.
func (s Shape) onDisk() error {
	f, err := os.OpenFile(".", os.O_RDWR|unix.O_TMPFILE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(int64(s.Size)); err != nil {
		return err
	}
	return s.grow(unix.MAP_SHARED, int(f.Fd()))
}
