package v8heap

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/memtools"
)

// helloTimeout limits the wait for the first frame of a connection, and for a write.
// A peer that does not speak at once is no agent.
const helloTimeout = 10 * time.Second

// Server talks to the agents of Node processes. It is safe for concurrent use.
type Server struct {
	dir      string
	listener net.Listener
	serving  sync.WaitGroup // the accepting goroutine and one for each connection

	mu     sync.Mutex // guards all below
	agents map[*conn]Process
	conns  map[*conn]bool // every connection, even before its hello
	closed bool
}

// conn is the connection of one agent.
type conn struct {
	net.Conn
	mu      sync.Mutex // guards all below
	next    int
	waiting map[int]chan reply // each takes one reply, and is closed with the connection
	gone    bool
}

// prefix begins the name of a server's folder.
const prefix = "heapmage-"

// Listen starts a server in a new folder in dir, or in the system's folder for
// temporary files if dir is empty. Call Close when it is no longer needed. Folders in dir
// that killed servers left are removed.
//
// dir must be short, at most 70 bytes, as systems limit the path of a socket to some
// 100 bytes. The script that processes preload is put elsewhere, where it stays: into
// .heapmage-UID in /var/tmp, or in another folder if that is of no use. On Windows, where
// Node has no Unix sockets, the error wraps errors.ErrUnsupported.
func Listen(dir string) (*Server, error) {
	if runtime.GOOS == "windows" {
		return nil, fmt.Errorf("reach Node processes through a Unix socket: %w", errors.ErrUnsupported)
	}
	if _, err := install(places()); err != nil {
		return nil, err
	}
	if dir == "" {
		dir = os.TempDir()
	}
	removeAbandoned(dir)
	folder, err := os.MkdirTemp(dir, prefix) // of mode 0700
	if err != nil {
		return nil, err
	}
	s := &Server{agents: map[*conn]Process{}, conns: map[*conn]bool{}}
	s.dir, err = filepath.Abs(folder) // processes with other working folders connect
	if err == nil {
		s.listener, err = net.Listen("unix", s.socketPath())
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	s.serving.Go(s.accept)
	return s, nil
}

func (s *Server) socketPath() string { return filepath.Join(s.dir, "heap.sock") }

// Dir returns the server's folder. Close removes it.
func (s *Server) Dir() string { return s.dir }

// Options returns the options that a Node process must be started with: as arguments
// before its script, or in NODE_OPTIONS, which its own Node children inherit. There, put
// them before the words that it has already, because Node stops reading at one that is no
// option, and put one that contains spaces in double quotes.
//
// They name a file that stays after Close and that every user can read. If a script has
// removed it, Options writes it anew; if that fails there are no options. A process to
// which the file is out of reach ends at once: under Node's permission model, or in
// another root folder. Start such a process without the options.
func (s *Server) Options() []string {
	path, err := install(places())
	if err != nil {
		return nil
	}
	return []string{preloadOption + path}
}

// OptionsIn returns such options for processes whose environment is not to contain Env: what they
// name knows it, and the further variables in env, "NAME=value".
//
// It is written into .heapmage-UID in dir, an absolute path of a folder that others may enter
// and not change. It stays after Close, and harms nothing then. Remove it only when no process
// has the options any more.
func (s *Server) OptionsIn(dir string, env ...string) ([]string, error) {
	text, err := agentWith(append(s.Env(), env...))
	if err != nil {
		return nil, err
	}
	path, err := installIn(dir, text)
	if err != nil {
		return nil, err
	}
	return []string{preloadOption + path}, nil
}

// Env returns the entries, "NAME=value", that the environment of a Node process needs as
// well as Options. Without them, or if the server cannot be reached, it has no agent.
func (s *Server) Env() []string { return []string{environ.HeapSocket + "=" + s.socketPath()} }

// Close ends all connections and removes the folder. The Node processes run on.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	err := s.listener.Close()
	for c := range s.conns {
		_ = c.Close() // its goroutine sees that and cleans up
	}
	s.mu.Unlock()
	s.serving.Wait()
	return errors.Join(err, os.RemoveAll(s.dir))
}

// Processes returns the Node processes that are connected now, by ascending PID. A
// process connects a few tenths of a second after its start, while its script runs
// already. Nothing reports a new one: ask again.
func (s *Server) Processes() []Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Process
	for _, p := range s.agents {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Process) int { return cmp.Compare(a.PID, b.PID) })
	return list
}

// Stats returns the figures of a process, usually within some milliseconds. While the
// program is inside native code, such as a synchronous wait for a child, it waits until
// that returns. Give ctx a deadline: a suspended process does not answer. The error
// wraps the cause of ctx if that is done first, and is ErrNoAgent if the process has no
// agent or ends.
func (s *Server) Stats(ctx context.Context, pid int) (Heap, error) {
	r, err := s.ask(ctx, pid, "stats")
	return r.After.heap(), err
}

// Collect makes a process collect all its garbage and returns what that did. The
// program stands still meanwhile. If ctx is done first, the collection still happens.
// It waits and fails as Stats does.
func (s *Server) Collect(ctx context.Context, pid int) (Collection, error) {
	r, err := s.ask(ctx, pid, "collect")
	return Collection{Before: r.Before.heap(), After: r.After.heap(), Duration: time.Duration(r.MS * float64(time.Millisecond))}, err
}

func (s *Server) ask(ctx context.Context, pid int, what string) (reply, error) {
	c := s.find(pid)
	if c == nil {
		return reply{}, ErrNoAgent
	}
	answer, id, err := c.send(what)
	if err != nil {
		return reply{}, err
	}
	defer c.forget(id)
	select {
	case r, ok := <-answer:
		switch {
		case !ok:
			return reply{}, ErrNoAgent
		case r.Error != "":
			return reply{}, fmt.Errorf("process %d: %s", pid, r.Error)
		}
		return r, nil
	case <-ctx.Done():
		return reply{}, fmt.Errorf("process %d does not answer: %w", pid, context.Cause(ctx))
	}
}

func (s *Server) find(pid int) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, p := range s.agents {
		if p.PID == pid {
			return c
		}
	}
	return nil
}

func (s *Server) accept() {
	for {
		nc, err := s.listener.Accept()
		switch {
		case err == nil:
		case errors.Is(err, net.ErrClosed):
			return
		default: // too many open files, for instance: one process has no agent then
			time.Sleep(10 * time.Millisecond)
			continue
		}
		c := &conn{Conn: nc, waiting: map[int]chan reply{}}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = nc.Close()
			return
		}
		s.conns[c] = true
		s.serving.Go(func() { s.serve(c) })
		s.mu.Unlock()
	}
}

// serve reads what an agent sends until it disconnects or breaks the protocol.
func (s *Server) serve(c *conn) {
	defer func() {
		s.mu.Lock()
		delete(s.agents, c)
		delete(s.conns, c)
		s.mu.Unlock()
		c.end()
	}()
	_ = c.SetReadDeadline(time.Now().Add(helloTimeout)) // fails on a closed connection only
	frames := newScanner(c)
	for first := true; frames.Scan(); first = false {
		r, err := decode(frames.Bytes())
		if err != nil || first != (r.Type == "hello") {
			return
		}
		if !first {
			s.noteLimit(c, bytes(r.After.Limit))
			c.answered(r)
			continue
		}
		_ = c.SetReadDeadline(time.Time{})
		s.mu.Lock()
		s.agents[c] = Process{PID: r.PID, Script: r.Script, Node: r.Node, Task: r.Task, Limit: bytes(r.Limit)}
		s.mu.Unlock()
	}
}

// noteLimit keeps the heap limit of a process. Its agent does not send it with its hello,
// to load less at the start.
func (s *Server) noteLimit(c *conn, limit memtools.Bytes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.agents[c]; ok && limit > 0 {
		p.Limit = limit
		s.agents[c] = p
	}
}

// send sends a request. The channel gets its answer, and is closed with the connection.
func (c *conn) send(what string) (<-chan reply, int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return nil, 0, ErrNoAgent
	}
	c.next++
	frame, err := json.Marshal(request{version, c.next, what})
	if err != nil {
		return nil, 0, err
	}
	answer := make(chan reply, 1)
	c.waiting[c.next] = answer
	_ = c.SetWriteDeadline(time.Now().Add(helloTimeout))
	if _, err := c.Write(append(frame, '\n')); err != nil {
		delete(c.waiting, c.next)
		_ = c.Close() // after half a frame nothing else can be read
		return nil, 0, ErrNoAgent
	}
	return answer, c.next, nil
}

func (c *conn) forget(id int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// answered delivers a reply. After a timeout nothing waits for it.
func (c *conn) answered(r reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answer, ok := c.waiting[r.ID]; ok {
		delete(c.waiting, r.ID)
		answer <- r
	}
}

func (c *conn) end() {
	_ = c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	for id, answer := range c.waiting {
		delete(c.waiting, id)
		close(answer)
	}
}
