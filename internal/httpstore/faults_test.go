package httpstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/objectstore"
)

func TestMain(m *testing.M) {
	if address := os.Getenv("TEST_PROXIED"); address != "" {
		behindProxy(address)
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	secret = "s3cr3t-t0ken"
	object = "trusted/results/3f"
)

// serve starts a server, and returns stores on it that wait for a short time only.
func serve(t *testing.T, h http.HandlerFunc) (*turbo, *bazel) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return at(t, s.URL)
}

func at(t *testing.T, address string) (*turbo, *bazel) {
	t.Helper()
	env := []string{"HEAPMAGE_CACHE_TOKEN=" + secret}
	a, err := OpenTurbo(parsed(t, "turbo+"+address+"?team=acme"), "", env)
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenBazel(parsed(t, "bazel+"+address), "", env)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Client{a.(*turbo).client, b.(*bazel).client} {
		c.patience = 500 * time.Millisecond
		t.Cleanup(c.http.CloseIdleConnections)
	}
	return a.(*turbo), b.(*bazel)
}

func parsed(t *testing.T, address string) *url.URL {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// get reads the object whole.
func get(ctx context.Context, s objectstore.Store) (string, error) {
	from, err := s.Get(ctx, object)
	if err != nil {
		return "", err
	}
	defer from.Close()
	text, err := io.ReadAll(from)
	return string(text), err
}

func put(s objectstore.Store, text string) error {
	return s.Put(context.Background(), object, envelope.Bytes([]byte(text)))
}

// told fails unless err is of a kind, if one is given, and its text has some words, and nothing secret.
func told(t *testing.T, err, kind error, words string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) || !strings.Contains(err.Error(), words) {
		t.Errorf("it says %v, not %q", err, words)
		return
	}
	for _, hidden := range []string{secret, "team", "acme", "127.0.0.1"} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("it says %v", err)
		}
	}
	for _, k := range []error{objectstore.ErrAbsent, objectstore.ErrExists, objectstore.ErrRefused} {
		if k != kind && errors.Is(err, k) {
			t.Errorf("%v is taken for %v", err, k)
		}
	}
}

// failed is what Get returned, or what reading did.
func failed(t *testing.T, s objectstore.Store) error {
	t.Helper()
	_, err := get(t.Context(), s)
	return err
}

func TestRequests(t *testing.T) {
	var mu sync.Mutex
	var got []string
	stored := map[string][]byte{}
	turbo, bazel := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprintf("%s %s %s %s", r.Method, r.URL, r.Header.Get("Authorization"), r.Header.Get("Content-Type")))
		if agent := r.Header.Get("User-Agent"); !strings.HasPrefix(agent, "heapmage") || len(r.Header["Cookie"]) > 0 || r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("the header is %v", r.Header)
		}
		w.Header().Set("Set-Cookie", "a=b")
		body, ok := stored[r.URL.Path]
		switch {
		case r.Method == http.MethodPut:
			if stored[r.URL.Path], _ = io.ReadAll(r.Body); int64(len(stored[r.URL.Path])) != r.ContentLength {
				t.Errorf("%s comes without its length", r.URL.Path)
			}
			w.WriteHeader(http.StatusCreated)
		case ok:
			_, _ = w.Write(body)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	name, content := digest(object), digest("content")
	named := digest("heapmage\n" + object)
	for _, tt := range []struct {
		claim string
		store objectstore.Store
		want  []string
	}{
		{"Turborepo's API", turbo, []string{
			"GET /v8/artifacts/" + named + "?slug=acme Bearer " + secret + " ",
			"HEAD /v8/artifacts/" + named + "?slug=acme Bearer " + secret + " ",
			"PUT /v8/artifacts/" + named + "?slug=acme Bearer " + secret + " application/octet-stream",
			"GET /v8/artifacts/" + named + "?slug=acme Bearer " + secret + " ",
			"HEAD /v8/artifacts/" + named + "?slug=acme Bearer " + secret + " ",
		}},
		{"Bazel's HTTP cache", bazel, []string{
			"GET /ac/" + name + " Bearer " + secret + " ",
			"GET /ac/" + name + " Bearer " + secret + " ",
			"PUT /cas/" + content + " Bearer " + secret + " application/octet-stream",
			"PUT /ac/" + name + " Bearer " + secret + " application/octet-stream",
			"GET /ac/" + name + " Bearer " + secret + " ",
			"GET /cas/" + content + " Bearer " + secret + " ",
			"GET /ac/" + name + " Bearer " + secret + " ",
			"HEAD /cas/" + content + " Bearer " + secret + " ",
		}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got = nil
			if _, err := get(t.Context(), tt.store); !errors.Is(err, objectstore.ErrAbsent) {
				t.Error(err)
			}
			if there, err := tt.store.Has(t.Context(), object); there || err != nil {
				t.Error(there, err)
			}
			if err := put(tt.store, "content"); err != nil {
				t.Error(err)
			}
			if text, err := get(t.Context(), tt.store); text != "content" || err != nil {
				t.Error(text, err)
			}
			if there, err := tt.store.Has(t.Context(), object); !there || err != nil {
				t.Error(there, err)
			}
			if all, want := strings.Join(got, "\n"), strings.Join(tt.want, "\n"); all != want {
				t.Errorf("the requests are\n%s\nand not\n%s", all, want)
			}
		})
	}
	t.Run("an empty object has a length too", func(t *testing.T) {
		if err := put(turbo, ""); err != nil {
			t.Error(err)
		}
	})
	t.Run("what no object is called is not asked for", func(t *testing.T) {
		got = nil
		for _, name := range []string{"", "a/../b", "..", "a//b", "A", "a b", "a?b", "a%2e%2e"} {
			for _, s := range []objectstore.Store{turbo, bazel} {
				_, err := s.Get(t.Context(), name)
				_, err2 := s.Has(t.Context(), name)
				if err3 := s.Put(t.Context(), name, envelope.Bytes(nil)); err == nil || err2 == nil || err3 == nil {
					t.Errorf("%q: %v, %v, %v", name, err, err2, err3)
				}
			}
		}
		if len(got) > 0 {
			t.Error(got)
		}
	})
	t.Run("what a result points to may be gone", func(t *testing.T) {
		clear(stored)
		stored["/ac/"+name] = blob{content, 7}.result()
		if _, err := get(t.Context(), bazel); !errors.Is(err, objectstore.ErrAbsent) {
			t.Error(err)
		}
		if there, err := bazel.Has(t.Context(), object); there || err != nil {
			t.Error(there, err)
		}
	})
}

func TestAnswers(t *testing.T) {
	answer := http.HandlerFunc(nil)
	turbo, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r) })
	status := func(code int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, tt := range []struct {
		claim    string
		answer   http.HandlerFunc
		get, put error
		words    string
	}{
		{"401 is a refusal", status(401, "", ""), objectstore.ErrRefused, objectstore.ErrRefused, "the server refuses the credential: it answered 401 Unauthorized"},
		{"403 is one with its reason, as Vercel gives it", status(403, "application/json; charset=utf-8", `{"error":{"code":"remote_caching_disabled","message":"Remote caching is disabled"}}`),
			objectstore.ErrRefused, objectstore.ErrRefused, "403 Forbidden: remote_caching_disabled: Remote caching is disabled"},
		{"so is a reason as turborepo-remote-cache gives it", status(400, "application/json", `{"statusCode":400,"error":"Bad Request","message":"no slug"}`), nil, nil, "the server answered 400 Bad Request: no slug"},
		{"so is one in a word", status(400, "application/json", `{"error":"odd"}`), nil, nil, "400 Bad Request: odd"},
		{"so is one as S3 gives it", status(503, "application/xml", `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Less</Message></Error>`), nil, nil, "503 Service Unavailable: SlowDown: Less"},
		{"so is one in plain text", status(507, "text/plain; charset=utf-8", "disk full\nat /srv"), nil, nil, "507 Insufficient Storage: disk full"},
		{"a page is no reason", status(502, "text/html", "<h1>Bad</h1>"), nil, nil, "502 Bad Gateway"},
		{"a bucket that is not there is no miss", status(404, "application/xml", `<Error><Code>NoSuchBucket</Code></Error>`), nil, nil, "404 Not Found: NoSuchBucket"},
		{"a secret is not repeated", status(400, "text/plain", "bad token "+secret), nil, nil, "400 Bad Request"},
		{"nor does a reason act on a terminal", status(400, "text/plain", "\x1b[2J::error::x"), nil, nil, `400 Bad Request: \x1b[2J\x3a\x3aerror`},
		{"a reason is short", status(400, "text/plain", strings.Repeat("é", 500)), nil, nil, strings.Repeat("é", longestReason/2) + "…"},
		{"garbage is no reason", status(400, "application/json", "\x00{"), nil, nil, "400 Bad Request"},
		{"206 is no object", status(206, "", "part"), nil, nil, "206 Partial Content"},
		{"204 is none", status(204, "", ""), nil, errors.New("stored"), "204 No Content"},
		{"300 is none", status(300, "", ""), nil, nil, "300 Multiple Choices"},
		{"a status that nobody knows is an error", status(799, "", ""), nil, nil, "799"},
		{"412 means that it is there", status(412, "", ""), nil, objectstore.ErrExists, "412"},
		{"409 too", status(409, "", ""), nil, objectstore.ErrExists, "409"},
		{"429 is an error", status(429, "", ""), nil, nil, "429 Too Many Requests"},
		{"500 is an error", status(500, "", ""), nil, nil, "500 Internal Server Error"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			answer = tt.answer
			told(t, failed(t, turbo), tt.get, tt.words)
			err := put(turbo, "content")
			switch {
			case errors.Is(tt.put, objectstore.ErrExists):
				told(t, err, tt.put, "there already")
			case tt.put != nil && tt.put.Error() == "stored":
				if err != nil {
					t.Error(err)
				}
			default:
				told(t, err, tt.put, tt.words)
			}
		})
	}
	t.Run("without a credential a refusal asks for one", func(t *testing.T) {
		answer = status(401, "", "")
		s, err := OpenTurbo(parsed(t, "turbo+"+turbo.base.String()), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.(interface{ idle() }).idle()
		told(t, failed(t, s), objectstore.ErrRefused, "asks for a credential, and none is set: it answered 401")
	})
	t.Run("a request is not made again after an answer", func(t *testing.T) {
		var asked atomic.Int32
		answer = func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); w.WriteHeader(500) }
		if _ = failed(t, turbo); asked.Load() != 1 {
			t.Errorf("it is made %d times", asked.Load())
		}
	})
}

// idle lets the test end without connections.
func (t *turbo) idle() { t.client.http.CloseIdleConnections() }

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
		told(t, failed(t, turbo), nil, late)
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
		time.Sleep(300 * time.Millisecond)
		if n, err := io.Copy(io.Discard, from); n != 1<<20 || err != nil {
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

func TestUploads(t *testing.T) {
	t.Run("a content that fails is not the server's fault", func(t *testing.T) {
		turbo, bazel := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
		broken := errors.New("the disk broke")
		for _, s := range []objectstore.Store{turbo, bazel} {
			opened := objectstore.Content{Size: 3, Open: func() (io.ReadCloser, error) { return nil, broken }}
			if err := s.Put(t.Context(), object, opened); !errors.Is(err, broken) {
				t.Error(err)
			}
			reading := objectstore.Content{Size: 3, Open: func() (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(strings.NewReader("a"), iotestErr{broken})), nil
			}}
			if err := s.Put(t.Context(), object, reading); !errors.Is(err, broken) {
				t.Error(err)
			}
			for _, size := range []int64{2, 4} {
				c := envelope.Bytes([]byte("abc"))
				c.Size = size
				if err := s.Put(t.Context(), object, c); err == nil {
					t.Errorf("%d bytes of 3 are stored", size)
				}
			}
		}
	})
	t.Run("a refusal counts though it comes before the end of the upload", func(t *testing.T) {
		turbo, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
		err := put(turbo, strings.Repeat("a", 8<<20))
		// The connection may break before the answer is read.
		if !errors.Is(err, objectstore.ErrRefused) && !strings.Contains(fmt.Sprint(err), "cannot be reached") {
			t.Error(err)
		}
	})
}

type iotestErr struct{ error }

func (e iotestErr) Read([]byte) (int, error) { return 0, e.error }

func TestRedirects(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	record := func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		secrets := ""
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, " "), secret) || name == "Referer" {
				secrets += " " + name
			}
		}
		seen = append(seen, r.Method+" "+r.URL.Path+secrets+" "+string(body))
		_, _ = io.WriteString(w, "content")
	}
	other := httptest.NewServer(http.HandlerFunc(record))
	defer other.Close()
	plain := httptest.NewServer(http.HandlerFunc(record))
	defer plain.Close()
	var to string
	var code int
	server := func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v8") {
			http.Redirect(w, r, to, code)
		} else if strings.HasPrefix(r.URL.Path, "/loop") {
			http.Redirect(w, r, "/loop", code)
		} else if strings.HasPrefix(r.URL.Path, "/away") {
			http.Redirect(w, r, other.URL+"/back", code)
		} else {
			record(w, r)
		}
	}
	turbo, _ := serve(t, server)
	for _, tt := range []struct {
		claim, to string
		code      int
		put       bool
		seen      string
		words     string
	}{
		{"on the same server the credential goes along", "/x", 302, false, "GET /x Authorization ", ""},
		{"another one does not get it", other.URL + "/x", 302, false, "GET /x ", ""},
		{"nor does one later on", "/away", 307, false, "GET /back ", ""},
		{"an upload is sent again", "/x", 307, true, "PUT /x Authorization content", ""},
		{"without the credential to another server", other.URL + "/x", 308, true, "PUT /x content", ""},
		{"an upload does not become a download", "/x", 303, true, "", "redirects an upload"},
		{"it has an end", "/loop", 302, false, "", "redirects more than 3 times"},
		{"it stays with HTTP", "file:///etc/passwd", 302, false, "", "something else than HTTP"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			seen, to, code = nil, tt.to, tt.code
			text, err := "content", error(nil)
			if tt.put {
				err = put(turbo, "content")
			} else {
				text, err = get(t.Context(), turbo)
			}
			if tt.words != "" {
				told(t, err, nil, tt.words)
			} else if err != nil || text != "content" {
				t.Error(text, err)
			}
			if all := strings.Join(seen, "\n"); all != tt.seen {
				t.Errorf("the server saw %q, not %q", all, tt.seen)
			}
		})
	}
	t.Run("it does not leave TLS", func(t *testing.T) {
		s := httptest.NewTLSServer(http.HandlerFunc(server))
		defer s.Close()
		turbo, _ := at(t, s.URL)
		turbo.client.trust(s)
		seen, to, code = nil, plain.URL+"/x", 302
		told(t, failed(t, turbo), nil, "redirects from https to http")
		if len(seen) > 0 {
			t.Error(seen)
		}
	})
}

// trust makes a client trust the certificate of a test's server.
func (c *Client) trust(s *httptest.Server) {
	c.http.Transport.(*http.Transport).TLSClientConfig.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	t.Run("a certificate that is not trusted", func(t *testing.T) {
		turbo, _ := at(t, s.URL)
		told(t, failed(t, turbo), nil, "the server's certificate is not trusted")
	})
	t.Run("HTTP/2 where the server has it", func(t *testing.T) {
		turbo, _ := at(t, s.URL)
		turbo.client.trust(s)
		if text, err := get(t.Context(), turbo); text != "HTTP/2.0" || err != nil {
			t.Error(text, err)
		}
	})
	t.Run("a server of HTTP/2 that stops is given up too", func(t *testing.T) {
		done := make(chan struct{})
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = w.Write([]byte("a"))
				w.(http.Flusher).Flush()
			}
			select {
			case <-done:
			case <-r.Context().Done():
			}
		}))
		s.EnableHTTP2 = true
		s.StartTLS()
		defer s.Close()
		defer close(done)
		turbo, _ := at(t, s.URL)
		turbo.client.trust(s)
		told(t, failed(t, turbo), nil, "did not answer in time")
		told(t, put(turbo, strings.Repeat("a", 4<<20)), nil, "did not answer in time")
	})
}

func TestAtMostEightAtOnce(t *testing.T) {
	var now, most atomic.Int32
	turbo, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(20 * time.Millisecond)
		_, _ = w.Write([]byte("a"))
	})
	var wait sync.WaitGroup
	for range 40 {
		wait.Go(func() {
			if _, err := get(t.Context(), turbo); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if most.Load() > atOnce || most.Load() < 2 {
		t.Errorf("%d at once", most.Load())
	}
	t.Run("a failure gives its place back", func(t *testing.T) {
		turbo, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
		for range 3 * atOnce {
			_ = failed(t, turbo)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := turbo.Get(ctx, object); errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestResults(t *testing.T) {
	var result, content []byte
	_, bazel := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/ac/") {
			_, _ = w.Write(result)
			return
		}
		_, _ = w.Write(content)
	})
	sum := digest("content")
	file := func(path, digest string, size int64) []byte {
		b := blob{digest, size}.result()
		return bytes.Replace(b, []byte(objectPath), []byte(path), 1)
	}
	const none = "none of heapmage's"
	for _, tt := range []struct {
		claim           string
		result, content []byte
		words           string
	}{
		{"an object", file("object", sum, 7), []byte("content"), ""},
		{"other fields are passed over", append([]byte{0x20, 1, 0x2d, 1, 2, 3, 4, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x32, 1, 'x'}, file("object", sum, 7)...), []byte("content"), ""},
		{"so are other files", append(file("other!", sum, 9), file("object", sum, 7)...), []byte("content"), ""},
		{"nothing", nil, nil, none},
		{"garbage", []byte("<html>"), nil, none},
		{"half a result", file("object", sum, 7)[:40], nil, none},
		{"a result without an object", file("other!", sum, 7), nil, none},
		{"two objects", append(file("object", sum, 7), file("object", sum, 7)...), nil, none},
		{"a digest that leads elsewhere", file("object", "../../secret"+sum[12:], 7), nil, none},
		{"one in upper case", file("object", strings.ToUpper(sum), 7), nil, none},
		{"one that is too short", file("object", sum[2:], 7), nil, none},
		{"a negative size", file("object", sum, -1), nil, none},
		{"a result without an end", bytes.Repeat([]byte{0x20, 1}, 1<<20), nil, "is too long"},
		{"a content that is larger", file("object", sum, 7), []byte("content and more"), "sends more than"},
		{"one that is smaller", file("object", sum, 7), []byte("con"), "unexpected EOF"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			result, content = tt.result, tt.content
			text, err := get(t.Context(), bazel)
			if tt.words != "" {
				told(t, err, nil, tt.words)
			} else if text != "content" || err != nil {
				t.Error(text, err)
			}
		})
	}
}

func FuzzReadResult(f *testing.F) {
	sum := sha256.Sum256(nil)
	f.Add(blob{hex.EncodeToString(sum[:]), 1 << 40}.result())
	f.Add([]byte{0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := readResult(text)
		if err != nil {
			return
		}
		if again, err := readResult(b.result()); again != b || err != nil || len(b.digest) != 64 || b.size < 0 {
			t.Errorf("%+v is read as %+v, %v", b, again, err)
		}
	})
}

func TestAddresses(t *testing.T) {
	for _, tt := range []struct {
		address string
		env     []string
		want    string // the address of an object without its digest, or what is wrong
	}{
		{"turbo+https://cache.example.com", nil, "https://cache.example.com/v8/artifacts/"},
		{"turbo+https://cache.example.com/api/", nil, "https://cache.example.com/api/v8/artifacts/"},
		{"turbo+https://cache.example.com:8443?team=acme", []string{"TURBO_TEAM=other"}, "https://cache.example.com:8443/v8/artifacts/?slug=acme"},
		{"turbo+https://cache.example.com?team=team_4x2", nil, "https://cache.example.com/v8/artifacts/?teamId=team_4x2"},
		{"turbo+https://cache.example.com", []string{"TURBO_TEAM=a&b", "TURBO_TEAMID=team_1"}, "https://cache.example.com/v8/artifacts/?slug=a%26b&teamId=team_1"},
		{"turbo+http://localhost:3000", []string{"TURBO_TOKEN=x"}, "http://localhost:3000/v8/artifacts/"},
		{"turbo+http://[::1]:3000", []string{"TURBO_TOKEN=x"}, "http://[::1]:3000/v8/artifacts/"},
		{"turbo+http://cache:3000", []string{"TURBO_TOKEN= \n"}, "http://cache:3000/v8/artifacts/"},
		{"turbo+http://cache:3000", []string{"TURBO_TOKEN=x"}, "everybody on the way could read TURBO_TOKEN: use https"},
		{"turbo+http://localhost.example.com", []string{"HEAPMAGE_CACHE_TOKEN=x"}, "everybody on the way could read HEAPMAGE_CACHE_TOKEN"},
		{"turbo+https://cache.example.com", []string{"HEAPMAGE_CACHE_TOKEN=a\nb"}, "HEAPMAGE_CACHE_TOKEN has a character that no credential has"},
		{"turbo+https://", nil, "it names no server: write turbo+https://HOST"},
		{"turbo+https:cache.example.com", nil, "it names no server"},
		{"turbo+https://cache.example.com?tem=acme", nil, `the parameter "tem" is not known: did you mean team?`},
		{"turbo+https://cache.example.com?team=a&team=b", nil, "it needs one value for team"},
		{"turbo+https://cache.example.com?team=", nil, "it needs one value for team"},
		{"turbo+https://cache.example.com?a=%zz", nil, "what follows its ? cannot be read"},
		{"turbo+https://cache.example.com#team", nil, "it has a #"},
		{"turbo+https://cache.example.com/a/../b", nil, "its path leads up"},
	} {
		t.Run(tt.address, func(t *testing.T) {
			s, err := OpenTurbo(parsed(t, tt.address), "", tt.env)
			got := fmt.Sprint(err)
			if err == nil {
				address, _ := s.(*turbo).at(object)
				got = strings.Replace(address, digest("heapmage\n"+object), "", 1)
			}
			if err == nil && got != tt.want || !strings.Contains(got, tt.want) {
				t.Errorf("got %s, not %s", got, tt.want)
			}
		})
	}
	t.Run("Bazel's has no parameters", func(t *testing.T) {
		_, err := OpenBazel(parsed(t, "bazel+https://cache.example.com?team=a"), "", nil)
		if fmt.Sprint(err) != "it takes no parameters" {
			t.Error(err)
		}
	})
	t.Run("a user with a password", func(t *testing.T) {
		var got string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, password, _ := r.BasicAuth()
			got = user + " " + password
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(403)
			_, _ = io.WriteString(w, "bad "+r.Header.Get("Authorization"))
		}))
		defer s.Close()
		b, err := OpenBazel(parsed(t, "bazel+"+s.URL), "", []string{"HEAPMAGE_CACHE_TOKEN=acme:pass:word"})
		if err != nil {
			t.Fatal(err)
		}
		defer b.(*bazel).client.http.CloseIdleConnections()
		if err := failed(t, b); got != "acme pass:word" || strings.Contains(fmt.Sprint(err), "bad") {
			t.Error(got, err)
		}
	})
	t.Run("a message names the server, and no more", func(t *testing.T) {
		turbo, bazel := at(t, "https://cache.example.com/x")
		for _, s := range []objectstore.Store{turbo, bazel} {
			if got := s.Traits(); got != (objectstore.Traits{Where: "the server cache.example.com"}) {
				t.Errorf("%+v", got)
			}
		}
	})
}

// Proxies are read from the environment once, by the standard library: so in another process.
func TestProxy(t *testing.T) {
	var got string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Method + " " + r.URL.String() + " " + r.Header.Get("Proxy-Authorization")
		_, _ = io.WriteString(w, "by proxy")
	}))
	defer proxy.Close()
	address := strings.Replace(proxy.URL, "http://", "http://me:pass@", 1)
	for _, tt := range []struct{ claim, address, want, seen string }{
		{"a request goes through it", "turbo+http://cache.invalid", "by proxy", "GET http://cache.invalid/v8/artifacts/" + digest("heapmage\n"+object) + " Basic bWU6cGFzcw=="},
		{"one with TLS through a tunnel", "turbo+https://cache.invalid", "the server", "CONNECT //cache.invalid:443 Basic bWU6cGFzcw=="},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), os.Args[0])
			c.Env = append(os.Environ(), "TEST_PROXIED="+tt.address, "HTTP_PROXY="+address, "HTTPS_PROXY="+address, "NO_PROXY=")
			out, err := c.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.want) || strings.Contains(string(out), "pass@") || got != tt.seen {
				t.Errorf("%v %s: it saw %q", err, out, got)
			}
		})
	}
}

// behindProxy prints what Get gives.
func behindProxy(address string) {
	at, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	s, err := OpenTurbo(at, "", nil)
	if err != nil {
		panic(err)
	}
	text, err := get(context.Background(), s)
	fmt.Println(text, err)
}
