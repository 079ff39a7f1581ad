package sighting

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// settle is the time from the opening of a program's file to the end of its exec.
	settle = 2 * time.Millisecond
	// pause is the least time between two wakes: other users start programs, too.
	pause = 10 * time.Millisecond
	// mostWatched bounds how many programs are watched.
	mostWatched = 64
)

// waker notices that one of some programs begins to run anywhere: exec opens its file, and
// inotify(7) tells of that, without privilege, but not by which process.
type waker struct {
	wake    chan struct{}
	file    *os.File
	watched map[string]bool
	done    chan struct{} // closed by listen once it has ended
}

// newWaker returns nil if the user has no inotify instance left.
func newWaker() *waker {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	w := &waker{wake: make(chan struct{}, 1), file: os.NewFile(uintptr(fd), "inotify"), watched: map[string]bool{}, done: make(chan struct{})}
	go w.listen()
	return w
}

// watch adds the file of a program.
func (w *waker) watch(program string) {
	if w == nil || program == "" || w.watched[program] || len(w.watched) >= mostWatched {
		return
	}
	w.watched[program] = true
	raw, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_, _ = unix.InotifyAddWatch(int(fd), program, unix.IN_OPEN) // without, polling finds it
	})
}

func (w *waker) listen() {
	defer close(w.done)
	var events [4096]byte
	for {
		if _, err := w.file.Read(events[:]); err != nil {
			return // it was closed
		}
		time.Sleep(settle)
		select {
		case w.wake <- struct{}{}:
		default:
		}
		time.Sleep(pause - settle)
	}
}

func (w *waker) close() {
	if w != nil {
		_ = w.file.Close()
		<-w.done
	}
}

// woken is nil, which never wakes, without a waker.
func (w *waker) woken() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.wake
}
