package shapes

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// grow takes memory as a build does, and is a script's program:
//
//	grow MB [MS]
//
// It takes so many MB over so many milliseconds (1000 unless given, scaled by the slowness
// of the machine), holds them for half of that, and writes dist/out.txt in two halves
// around it. If it finds a half, someone stopped it without removing what it wrote.
func grow(args []string) error {
	megabytes, over := 0, 1000
	for i, into := range []*int{&megabytes, &over} {
		if i < len(args) {
			n, err := strconv.Atoi(args[i])
			if err != nil {
				return err
			}
			*into = n
		}
	}
	if err := os.MkdirAll("dist", 0o755); err != nil {
		return err
	}
	if _, err := os.Stat("dist/out.txt"); err == nil {
		return errors.New("found half of a file")
	}
	if err := os.WriteFile("dist/out.txt", []byte("half"), 0o600); err != nil {
		return err
	}
	memory, err := unix.Mmap(-1, 0, megabytes<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	// The emulator takes long for a page fault, so a few large pages are better.
	_ = unix.Madvise(memory, unix.MADV_HUGEPAGE) // not every kernel has them
	whole := scaled(time.Duration(over) * time.Millisecond)
	for at := 0; at < len(memory); at += 4 << 20 {
		for page := at; page < min(at+4<<20, len(memory)); page += 4096 {
			memory[page] = 1
		}
		time.Sleep(whole * (4 << 20) / time.Duration(len(memory)))
	}
	time.Sleep(whole / 2)
	if memory[len(memory)-1] == 1 {
		return errors.New("memory that was never written is not zero")
	}
	out, err := os.OpenFile("dist/out.txt", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(out, " and half")
	return errors.Join(err, out.Close())
}
