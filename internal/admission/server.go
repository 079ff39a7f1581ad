package admission

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/admission/frame"
	"github.com/heapmage/heapmage/internal/environ"
)

// patience limits the wait for the first frame of a connection, and for a write.
const patience = 10 * time.Second

// Server is a guard's end. It is safe for concurrent use.
type Server struct {
	folder   string
	listener *net.UnixListener
	asked    chan *Script   // never closed; each has been read and waits for Accept
	closing  chan struct{}  // closed by Close
	serving  sync.WaitGroup // the accepting goroutine and one for each connection

	mu    sync.Mutex // guards all below
	conns map[net.Conn]bool
	ended bool
}

// Listen makes a new shim folder, in which sh is a link to program, and takes the
// connections of the shims that are started there. Folders of guards that are gone are
// removed if no process can find them any more. Call Close.
//
// On systems other than Linux and macOS the error wraps errors.ErrUnsupported.
func Listen(program string) (*Server, error) {
	folder, listener, err := makeFolder(program)
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, listener: listener, asked: make(chan *Script), closing: make(chan struct{}), conns: map[net.Conn]bool{}}
	s.serving.Go(s.accept)
	return s, nil
}

// Folder is the shim folder, an absolute path without colons. Only this user may enter it.
func (s *Server) Folder() string { return s.folder }

// Environ returns the environment with which a task runner starts its scripts through the
// shim, made from the one that it would have otherwise. What it replaces is kept in the shim
// folder: a shim restores it for scripts that are to find no shim, even if the guard is gone.
func (s *Server) Environ(env []string) ([]string, error) {
	var kept strings.Builder
	var out []string
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		replaced := func(other string) bool { return strings.EqualFold(other, name) } // as package managers read them
		switch {
		case slices.ContainsFunc(frame.ScriptShells, replaced):
			kept.WriteString(entry + "\x00")
			continue
		case name == environ.Path:
			entry = name + "=" + s.folder + ":" + value
		}
		out = append(out, entry)
	}
	for _, name := range frame.ScriptShells {
		out = append(out, name+"="+filepath.Join(s.folder, frame.ShellName))
	}
	return out, os.WriteFile(filepath.Join(s.folder, frame.KeptName), []byte(kept.String()), 0o600)
}

// Accept waits for the next script that asks. After Close the error is net.ErrClosed.
func (s *Server) Accept() (*Script, error) {
	select {
	case sc := <-s.asked:
		return sc, nil
	case <-s.closing:
		return nil, net.ErrClosed
	}
}

// Close ends all connections: scripts that wait start, and those that run go on. left tells
// that processes of the runner's may live on, such as its daemon. They can still find the
// shim folder, so it stays, with a link to the system's shell; otherwise it is removed.
func (s *Server) Close(left bool) error {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return nil
	}
	s.ended = true
	close(s.closing)
	err := s.listener.Close() // removes the socket
	for c := range s.conns {
		_ = c.Close() // its goroutine sees that
	}
	s.mu.Unlock()
	s.serving.Wait()
	if left {
		return errors.Join(err, leaveFolder(s.folder))
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}

func (s *Server) accept() {
	for {
		c, err := s.listener.AcceptUnix()
		switch {
		case err == nil:
		case errors.Is(err, net.ErrClosed):
			return
		default: // too many open files, for instance: the shim waits, then does without us
			time.Sleep(10 * time.Millisecond)
			continue
		}
		s.mu.Lock()
		if s.ended {
			s.mu.Unlock()
			_ = c.Close()
			return
		}
		s.conns[c] = true
		s.serving.Go(func() { s.serve(c) })
		s.mu.Unlock()
	}
}

// serve reads what a shim sends until it disconnects or breaks the protocol.
func (s *Server) serve(c *net.UnixConn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	pid, uid, err := peer(c)
	if err != nil || pid <= 0 || uid != os.Geteuid() { // no PID: it is in another PID namespace
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(patience)) // fails on a closed connection only
	in := frame.NewReader(c)
	f, err := in.Next()
	if err != nil || f.Type != frame.Ask || f.Version != frame.Version || !filepath.IsAbs(f.Folder) {
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	sc := newScript(c, Ask{PID: pid, Event: f.Event, Folder: f.Folder, Text: f.Text, NodeOptions: f.NodeOptions, GoMemLimit: f.GoMemLimit, Stdin: f.Stdin})
	beating := make(chan struct{}) // closed once no heartbeat is sent any more
	go func() {
		defer close(beating)
		sc.beat()
	}()
	delivered := make(chan struct{}) // closed once Accept has it, or never will
	go func() {
		defer close(delivered)
		select {
		case s.asked <- sc:
		case <-sc.lost:
		case <-s.closing:
		}
	}()
	sc.read(in)
	close(sc.lost)
	<-delivered
	<-beating
}
