//go:build amd64 || arm64

package observe

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// self is this program's own file, even if it was replaced or removed.
const self = "/proc/self/exe"

// Observer observes commands. It starts the keeper with the first one, and again if it was
// killed. It is safe for concurrent use.
type Observer struct {
	mu     sync.Mutex
	keeper *parentSide
}

// parentSide is our side of one keeper.
type parentSide struct {
	way     int
	lastIDs *[mostSlots]uint64

	mu      sync.Mutex // guards what follows, and writing to way
	watches [mostSlots]*Watch
	gone    bool
}

// Watch is the observation of one command.
type Watch struct {
	side  *parentSide
	slot  int
	shim  *os.File
	ready chan struct{} // closed when the listener or the reason against it is there

	listener int
	err      error
}

// Command returns how to start a command so that it is observed: its program and arguments,
// of which the first is the name that it sees, and the file that it needs as descriptor
// fd. path is the program's file. After the start, or if it failed, call Started; at the
// command's end Finish.
func (o *Observer) Command(path string, args []string, fd int) (w *Watch, program string, words []string, err error) {
	side, err := o.side()
	if err != nil {
		return nil, "", nil, err
	}
	w, err = side.begin()
	if err != nil {
		return nil, "", nil, err
	}
	return w, self, append([]string{shimName, fmt.Sprint(fd), path}, args...), nil
}

// File is what the command needs as a descriptor.
func (w *Watch) File() *os.File { return w.shim }

// Started must be called after the start of the command, which has its own copy of File
// now, or after it failed.
func (w *Watch) Started() {
	if w != nil {
		_ = w.shim.Close()
	}
}

// Finish returns what was observed until now. The processes that are still there go on and
// are no longer observed. It returns an error if nothing was: ctx bounds the waiting.
func (w *Watch) Finish(ctx context.Context) (Observation, error) {
	select {
	case <-w.ready:
	case <-ctx.Done():
		return Observation{}, context.Cause(ctx)
	}
	defer w.side.end(w)
	if w.err != nil {
		return Observation{}, w.err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return Observation{}, err
	}
	defer in.Close()
	err = w.side.send(msgFinish, w.slot, out)
	_ = out.Close()
	if err != nil {
		return Observation{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = in.Close() })
	defer stop()
	var observed Observation
	if err := gob.NewDecoder(in).Decode(&observed); err != nil {
		return Observation{}, fmt.Errorf("the keeper has ended: %w", err)
	}
	return observed, nil
}

// side returns the side of a keeper that lives.
func (o *Observer) side() (*parentSide, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keeper != nil && !o.keeper.isGone() {
		return o.keeper, nil
	}
	side, err := start()
	if err == nil {
		o.keeper = side
	}
	return side, err
}

// Close lets the keeper end, once nothing is left that it answers.
func (o *Observer) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keeper != nil {
		_ = unix.Shutdown(o.keeper.way, unix.SHUT_WR)
		o.keeper = nil
	}
}

// start starts a keeper.
func start() (*parentSide, error) {
	pair, err := socketpair(unix.SOCK_SEQPACKET)
	if err != nil {
		return nil, err
	}
	theirs := os.NewFile(uintptr(pair[1]), "keeper")
	defer theirs.Close()
	page, err := unix.MemfdCreate("ids", unix.MFD_CLOEXEC)
	if err != nil {
		_ = unix.Close(pair[0])
		return nil, os.NewSyscallError("memfd_create", err)
	}
	shared := os.NewFile(uintptr(page), "ids")
	defer shared.Close()
	if err := shared.Truncate(pageSize); err != nil {
		_ = unix.Close(pair[0])
		return nil, err
	}
	lastIDs, err := share(page)
	if err != nil {
		_ = unix.Close(pair[0])
		return nil, err
	}
	cmd := &exec.Cmd{
		Path: self, Args: []string{keeperName, keeperWord}, Dir: "/", ExtraFiles: []*os.File{theirs, shared},
		// Nothing of ours, and no mark above all: what ends our tree must spare it.
		Env:         []string{"GOMAXPROCS=2", "GOTRACEBACK=none"},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		_ = unix.Close(pair[0])
		return nil, err
	}
	s := &parentSide{way: pair[0], lastIDs: lastIDs}
	go func() {
		s.read()
		_ = cmd.Wait()
	}()
	return s, nil
}

func socketpair(kind int) ([2]int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	return pair, os.NewSyscallError("socketpair", err)
}

func (s *parentSide) isGone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

// begin tells the keeper of a command to come.
func (s *parentSide) begin() (*Watch, error) {
	pair, err := socketpair(unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	w := &Watch{side: s, shim: os.NewFile(uintptr(pair[0]), "shim"), ready: make(chan struct{}), listener: -1, slot: -1}
	s.mu.Lock()
	for i, other := range s.watches {
		if other == nil && !s.gone {
			w.slot = i
			s.watches[i] = w
			break
		}
	}
	s.mu.Unlock()
	theirs := os.NewFile(uintptr(pair[1]), "shim")
	defer theirs.Close()
	if w.slot < 0 {
		_ = w.shim.Close()
		return nil, errors.New("no more commands can be observed")
	}
	if err := s.send(msgBegin, w.slot, theirs); err != nil {
		_ = w.shim.Close()
		s.end(w)
		return nil, err
	}
	return w, nil
}

func (s *parentSide) send(kind byte, slot int, f *os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return errors.New("the keeper has ended")
	}
	return os.NewSyscallError("sendmsg", unix.Sendmsg(s.way, []byte{kind, byte(slot)}, unix.UnixRights(int(f.Fd())), nil, unix.MSG_NOSIGNAL))
}

// end frees the slot of a command.
func (s *parentSide) end(w *Watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watches[w.slot] != w || s.gone {
		return // its calls are answered from here
	}
	s.watches[w.slot] = nil
	if w.listener >= 0 {
		_ = unix.Close(w.listener)
	}
}

// read takes what the keeper says until its end, and then answers in its place.
func (s *parentSide) read() {
	for {
		buf, rights := make([]byte, 512), make([]byte, unix.CmsgSpace(4))
		n, more, _, _, err := recvmsg(s.way, buf, rights)
		if err != nil || n == 0 {
			break
		}
		s.mu.Lock()
		if w := s.watches[buf[0]]; w != nil {
			if w.listener, w.err = descriptor(rights[:more]); more == 0 {
				w.err = errors.New(string(buf[1:n]))
			}
			close(w.ready)
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	_ = unix.Close(s.way)
	for _, w := range s.watches {
		if w == nil {
			continue
		}
		select {
		case <-w.ready:
		default:
			w.err = errors.New("the keeper has ended")
			close(w.ready)
		}
		if w.listener >= 0 {
			go substitute(w.listener, s.lastIDs[w.slot])
		}
	}
}

// reach is how far from the last number that the keeper noted a call may be that it had
// received and not answered.
const reach = 64

// substitute lets all calls go on.
func substitute(listener int, last uint64) {
	for id := last - reach; id != last+reach; id++ {
		_ = goOn(listener, id) // most wait for nothing
	}
	for n := (notification{}); next(listener, &n); {
		_ = goOn(listener, n.id)
	}
	_ = unix.Close(listener)
}
