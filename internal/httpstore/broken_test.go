package httpstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/envelope"
)

// raw starts a server that does with each connection what f does; f gets the number of it, from 1.
func raw(t *testing.T, f func(n int, conn net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for n := 1; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer conn.Close()
				f(n, conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wait.Wait() })
	return "http://" + l.Addr().String()
}

// request reads a request up to the end of its head.
func readHead(conn net.Conn) string {
	var head []byte
	for b := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); {
		if _, err := conn.Read(b); err != nil {
			break
		}
		head = append(head, b[0])
	}
	return string(head)
}

// reset closes a connection so that the other end is told that it broke.
func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func TestBrokenServers(t *testing.T) {
	const late = "the server did not answer in time"
	ended := make(chan struct{})
	defer close(ended)
	says := func(text string) func(int, net.Conn) {
		return func(_ int, conn net.Conn) {
			readHead(conn)
			_, _ = io.WriteString(conn, text)
		}
	}
	waits := func(text string) func(int, net.Conn) {
		return func(_ int, conn net.Conn) {
			readHead(conn)
			_, _ = io.WriteString(conn, text)
			_, _ = conn.Read(make([]byte, 1)) // until the client gives up
		}
	}
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, tt := range []struct {
		claim  string
		server func(int, net.Conn)
		words  string
	}{
		{"no answer", waits(""), late},
		{"half a head", waits(ok + "Content-"), late},
		{"a body that stops", waits(ok + "Content-Length: 9\r\n\r\nabc"), late},
		{"a body in chunks that stops", waits(ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), late},
		{"a body that is cut", says(ok + "Content-Length: 9\r\n\r\nabc"), "broke off the connection"},
		{"a body in chunks that is cut", says(ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), "broke off the connection"},
		{"a body in bad chunks", says(ok + "Transfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n"), "the server cannot be reached"},
		{"a length that is none", says(ok + "Content-Length: -9\r\n\r\nabc"), "the server cannot be reached"},
		{"two lengths", says(ok + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), "the server cannot be reached"},
		{"a head that is too long", says(ok + "A: " + strings.Repeat("a", 2*longestHead) + "\r\n\r\n"), "the server cannot be reached"},
		{"what is no HTTP", says("SSH-2.0-OpenSSH_9.6\r\n"), "the server cannot be reached"},
		{"a body that is packed", says(ok + "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"), "packed the object"},
		{"a connection that is closed", says(""), "the server broke off the connection"},
		{"one that is reset", func(_ int, conn net.Conn) { readHead(conn); reset(conn) }, "connection reset by peer"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			turbo, _ := at(t, raw(t, tt.server))
			if tt.words == late {
				hasty(turbo)
			}
			told(t, failed(t, turbo), nil, tt.words)
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		turbo, bazel := at(t, "http://127.0.0.1:1")
		told(t, failed(t, turbo), nil, "the server cannot be reached: connection refused")
		told(t, failed(t, bazel), nil, "the server cannot be reached: connection refused")
		told(t, put(turbo, "content"), nil, "the server cannot be reached: connection refused")
	})
	t.Run("a server that accepts no connection", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0") // the system connects, and that is all
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		turbo, _ := at(t, "http://"+l.Addr().String())
		told(t, failed(t, hasty(turbo)), nil, late)
		told(t, put(turbo, strings.Repeat("a", 32<<20)), nil, late)
	})
	t.Run("it is no server for TLS", func(t *testing.T) {
		plain := httptest.NewServer(http.NotFoundHandler())
		defer plain.Close()
		turbo, _ := at(t, strings.Replace(plain.URL, "http:", "https:", 1))
		told(t, failed(t, turbo), nil, "the server speaks HTTP without TLS")
	})
	t.Run("its host is not known", func(t *testing.T) {
		turbo, _ := at(t, "https://cache.invalid")
		told(t, failed(t, turbo), nil, "the server's host is not known")
	})
	t.Run("a body without an end ends when it is closed", func(t *testing.T) {
		gone := make(chan struct{})
		turbo, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write(make([]byte, 32<<10))
			}
			close(gone)
		})
		from, err := turbo.Get(t.Context(), object)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.CopyN(io.Discard, from, 10<<20); n != 10<<20 || err != nil {
			t.Error(n, err)
		}
		_ = from.Close()
		<-gone
	})
	t.Run("a slow body is read for as long as it comes", func(t *testing.T) {
		t.Parallel()
		turbo, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			for range 8 {
				time.Sleep(50 * time.Millisecond)
				_, _ = w.Write([]byte("a"))
				w.(http.Flusher).Flush()
			}
		})
		turbo.client.patience = 350 * time.Millisecond
		if text, err := get(t.Context(), turbo); text != "aaaaaaaa" {
			t.Log("on a busy machine a server may pause for too long:", err)
			if !strings.Contains(fmt.Sprint(err), late) {
				t.Error(text, err)
			}
		}
	})
	t.Run("so may its reader take its time", func(t *testing.T) {
		t.Parallel()
		turbo, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
		turbo.client.patience = 100 * time.Millisecond
		from, err := turbo.Get(t.Context(), object)
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		_, _ = from.Read(make([]byte, 1))
		time.Sleep(300 * time.Millisecond)
		if n, err := io.Copy(io.Discard, from); n != 1<<20-1 || err != nil {
			t.Error(n, err)
		}
	})
	t.Run("a request ends with its context", func(t *testing.T) {
		why := errors.New("no more")
		turbo, _ := at(t, raw(t, waits(ok+"Content-Length: 9\r\n\r\nabc")))
		turbo.client.patience = time.Minute
		ctx, cancel := context.WithCancelCause(t.Context())
		from, err := turbo.Get(ctx, object)
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
		if _, err := io.ReadAll(from); !errors.Is(err, why) {
			t.Error(err)
		}
		if _, err := turbo.Get(ctx, object); !errors.Is(err, why) {
			t.Error(err)
		}
		if err := turbo.Put(ctx, object, envelope.Bytes(nil)); !errors.Is(err, why) {
			t.Error(err)
		}
	})
}

func TestBrokenConnections(t *testing.T) {
	// breaks is a server that breaks the first connections.
	breaks := func(t *testing.T, first int, asked *atomic.Int32, bodies *sync.Map) (*turbo, *bazel) {
		return at(t, raw(t, func(n int, conn net.Conn) {
			head := readHead(conn)
			asked.Add(1)
			if n <= first {
				reset(conn)
				return
			}
			if strings.HasPrefix(head, "PUT") {
				body := make([]byte, len("content"))
				_, _ = io.ReadFull(conn, body)
				bodies.Store(n, string(body))
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc")
		}))
	}
	t.Run("a request is made once more", func(t *testing.T) {
		var asked atomic.Int32
		turbo, _ := breaks(t, 1, &asked, nil)
		if text, err := get(t.Context(), turbo); text != "abc" || err != nil || asked.Load() != 2 {
			t.Error(text, err, asked.Load())
		}
	})
	t.Run("an upload too, whole", func(t *testing.T) {
		var asked atomic.Int32
		var bodies sync.Map
		turbo, _ := breaks(t, 1, &asked, &bodies)
		err := put(turbo, "content")
		if body, _ := bodies.Load(2); err != nil || body != "content" || asked.Load() != 2 {
			t.Error(err, body, asked.Load())
		}
	})
	t.Run("but no more than once", func(t *testing.T) {
		var asked atomic.Int32
		turbo, _ := breaks(t, 5, &asked, nil)
		told(t, failed(t, turbo), nil, "the server cannot be reached: connection reset by peer")
		if asked.Load() != 2 {
			t.Errorf("it was made %d times", asked.Load())
		}
	})
}
