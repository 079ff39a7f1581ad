//go:build amd64 || arm64

package observe

import (
	"encoding/gob"
	"errors"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/proctable"
)

// keeperName is the keeper's name in process lists, for the same reasons as the reaper's.
// The name and the only argument together turn this program into the keeper.
const (
	keeperName = "process-keeper"
	keeperWord = "3" // the descriptor of the way to its parent
)

// The messages to the keeper, each with one descriptor: begin with that of the shim's way,
// finish with the pipe that takes the observation. Two bytes: the kind, and the slot.
const (
	msgBegin  = 'b'
	msgFinish = 'f'
)

// mostSlots is how many commands can be observed at once.
const mostSlots = 256

func init() {
	if len(os.Args) != 2 || os.Args[0] != keeperName || os.Args[1] != keeperWord {
		return
	}
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE)
	proctable.Disguise(keeperName)
	debug.SetGCPercent(50)
	keep(3, 4)
	os.Exit(0)
}

// keeper is the process.
type keeper struct {
	way     int // to the parent
	lastIDs *[mostSlots]uint64
	serving sync.WaitGroup

	mu      sync.Mutex
	tracers [mostSlots]*tracer
}

// keep serves the parent, and after its end the processes under filters.
func keep(way, page int) {
	lastIDs, err := share(page)
	if err != nil {
		return
	}
	k := &keeper{way: way, lastIDs: lastIDs}
	for {
		kind, slot, fd, err := receive(way)
		if err != nil {
			break
		}
		switch kind {
		case msgBegin:
			k.serving.Go(func() { k.begin(slot, fd) })
		case msgFinish:
			k.mu.Lock()
			t := k.tracers[slot]
			k.tracers[slot] = nil // the slot may be used again at once
			k.mu.Unlock()
			k.serving.Go(func() { t.report(fd) })
		default:
			_ = unix.Close(fd)
		}
	}
	k.mu.Lock()
	for _, t := range k.tracers {
		if t != nil {
			_ = t.finish() // nobody asks any more
		}
	}
	k.mu.Unlock()
	k.serving.Wait()
}

// begin waits for the listener, passes it on to the parent, and serves it.
func (k *keeper) begin(slot int, shim int) {
	listener, err := receiveListener(shim)
	if err != nil {
		_ = unix.Close(shim)
		k.send(slot, -1, err)
		return
	}
	// It lets the woken thread run on the same processor. Older kernels lack it.
	wake := uint64(unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_SET_FLAGS, uintptr(wake))
	t := &tracer{listener: listener, last: &k.lastIDs[slot], record: newRecord()}
	k.mu.Lock()
	k.tracers[slot] = t
	k.mu.Unlock()
	k.send(slot, listener, nil)
	_, _ = unix.Write(shim, []byte{'k'})
	_ = unix.Close(shim)
	t.serve()
	_ = unix.Close(listener)
}

// send gives the parent the listener, or tells it why there is none.
func (k *keeper) send(slot, listener int, failure error) {
	text := []byte{byte(slot)}
	var rights []byte
	if failure != nil {
		text = append(text, failure.Error()...)
	} else {
		rights = unix.UnixRights(listener)
	}
	_ = unix.Sendmsg(k.way, text, rights, nil, 0) // gone: then nobody asks
}

// report writes the observation.
func (t *tracer) report(pipe int) {
	out := os.NewFile(uintptr(pipe), "observation")
	defer out.Close()
	if t != nil {
		_ = gob.NewEncoder(out).Encode(t.finish()) // the parent sees that it is not whole
	}
}

// receive reads a message with its descriptor.
func receive(way int) (kind byte, slot, fd int, err error) {
	buf, rights := make([]byte, 2), make([]byte, unix.CmsgSpace(4))
	n, more, _, _, err := recvmsg(way, buf, rights)
	if err != nil || n != len(buf) {
		return 0, 0, -1, errors.Join(err, net.ErrClosed)
	}
	fd, err = descriptor(rights[:more])
	return buf[0], int(buf[1]), fd, err
}

// receiveListener reads what the shim sends: its listener, or why it has none.
func receiveListener(shim int) (int, error) {
	buf, rights := make([]byte, 512), make([]byte, unix.CmsgSpace(4))
	n, more, _, _, err := recvmsg(shim, buf, rights)
	switch {
	case err != nil:
		return -1, err
	case n == 0:
		return -1, errors.New("the command could not be started")
	case more == 0:
		return -1, errors.New(string(buf[:n]))
	}
	return descriptor(rights[:more])
}

func recvmsg(fd int, buf, rights []byte) (n, more, flags int, from unix.Sockaddr, err error) {
	for {
		n, more, flags, from, err = unix.Recvmsg(fd, buf, rights, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			return n, more, flags, from, err
		}
	}
}

func descriptor(rights []byte) (int, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return -1, errors.Join(err, errors.New("no descriptor"))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, errors.Join(err, errors.New("no descriptor"))
	}
	return fds[0], nil
}
