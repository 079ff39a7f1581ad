//go:build linux || darwin

package shim

import (
	"io"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/admission/frame"
)

// guard is the conversation with the guard.
type guard struct {
	fd     int
	frames chan frame.Frame // closed once the guard is lost
}

// dial connects to the guard of a shim folder. It does without package net, which would be
// initialised late, and would have more of the process initialised before it.
func dial(folder string) (*guard, error) {
	fd, err := socket()
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: filepath.Join(folder, frame.SocketName)}); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	g := &guard{fd, make(chan frame.Frame)}
	go g.read()
	return g, nil
}

// read waits for frames until the guard is gone, or sends what is none.
func (g *guard) read() {
	defer close(g.frames)
	in := frame.NewReader(g)
	for {
		f, err := in.Next()
		if err != nil {
			return
		}
		g.frames <- f
	}
}

// Read is for the reader of frames.
func (g *guard) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(g.fd, b)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// send sends a frame. If it fails the guard is gone, which read notices, too.
func (g *guard) send(f frame.Frame) {
	line, err := frame.Encode(f)
	if err != nil {
		return
	}
	for len(line) > 0 {
		n, err := unix.SendmsgN(g.fd, line, nil, nil, noSignal) // no SIGPIPE, which would be the script's
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return
		}
		line = line[n:]
	}
}

// signalled tells that the script was sent a signal.
func (g *guard) signalled(s syscall.Signal) { g.send(frame.Frame{Type: frame.Signal, Signal: int(s)}) }
