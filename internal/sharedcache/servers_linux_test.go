package sharedcache_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/cgrouptest"
	"github.com/heapmage/heapmage/internal/servertest"
	"github.com/heapmage/heapmage/internal/testkit"
)

// servers are those that a shared cache can be on.
var servers = map[string]func(testing.TB) *servertest.Server{"Turborepo's": servertest.Turborepo, "Bazel's": servertest.Bazel, "S3": servertest.S3}

// TestSharedCacheOnServers: what one machine has built, others take, in limits of their own; whatever happens
// to the server, builds are green and right.
func TestSharedCacheOnServers(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			m, s := newTeamOn(t, start)
			want := m.alone()
			a := m.clone()
			a.group = cgrouptest.New(t, 500<<20)
			if out := a.build(true); !strings.Contains(out, fmt.Sprintf("Shared cache: %d results stored", taskCount)) {
				t.Errorf("they are not stored:\n%s", out)
			}
			b := m.clone()
			b.group = cgrouptest.New(t, 500<<20)
			out := b.build(false)
			if b.same(want); strings.Count(out, "restored from shared cache") != taskCount || ran(out) != "" {
				t.Errorf("%s", out)
			}
			t.Run("a change runs what it affects, and is shared", func(t *testing.T) {
				b, c := m.clone(), m.clone()
				for _, one := range []*clone{b, c} {
					testkit.WriteAll(t, one.root, map[string]string{"packages/c/src.txt": "changed\n"})
				}
				if out := b.build(true); ran(out) != "c d" {
					t.Errorf("%s", out)
				}
				if out := c.build(false); ran(out) != "" {
					t.Errorf("%s", out)
				}
				c.same(b.outputs())
			})
			t.Run("a wrong credential", func(t *testing.T) {
				c := m.clone()
				c.env = s.WrongEnv()
				out := c.build(true)
				if c.same(want); strings.Count(out, "⚠️") < 1 || !strings.Contains(out, "is not used any more") || strings.Contains(out, "-wrong") {
					t.Errorf("%s", out)
				}
			})
			t.Run("it is killed while it is in use", func(t *testing.T) {
				c := m.clone()
				done := make(chan struct{})
				go func() {
					defer close(done)
					time.Sleep(150 * time.Millisecond)
					s.Kill()
				}()
				c.build(true)
				<-done
				c.same(want)
			})
			t.Run("it is gone", func(t *testing.T) {
				c := m.clone()
				out := c.build(true)
				if c.same(want); !strings.Contains(out, "is not used any more") || ran(out) == "" {
					t.Errorf("%s", out)
				}
			})
		})
	}
}

// TestSharedCacheThatMisbehaves: a real server behind something that spoils its answers.
func TestSharedCacheThatMisbehaves(t *testing.T) {
	testkit.NeedsNode(t)
	s := servertest.Turborepo(t)
	behind, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	var spoil atomic.Value // of func(http.ResponseWriter, *http.Request, http.Handler)
	proxy := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		spoil.Load().(func(http.ResponseWriter, *http.Request, http.Handler))(w, r, proxy)
	}))
	t.Cleanup(func() { front.CloseClientConnections(); front.Close() })
	m := newTeam(t, strings.Replace(s.Address, s.URL, front.URL, 1), s.Env)
	through := func(w http.ResponseWriter, r *http.Request, next http.Handler) { next.ServeHTTP(w, r) }
	spoil.Store(through)
	want := m.alone()
	m.clone().build(true)

	leaks := make(chan string, 100)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if token := r.Header.Get("Authorization"); token != "" {
			leaks <- token
		}
	}))
	t.Cleanup(elsewhere.Close)
	status := func(code int) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(code) }
	}
	// body has something happen to the bodies of answers.
	body := func(change func(whole []byte) []byte) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			whole := answer.Body.Bytes()
			if r.Method == http.MethodGet && answer.Code == http.StatusOK {
				whole = change(whole)
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(whole) // the client may have gone
		}
	}
	for claim, do := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"500": status(500),
		"401": status(401),
		"403": status(403),
		"412": status(412),
		"a redirect to itself": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
		},
		"a redirect elsewhere": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"bodies that end early": body(func(whole []byte) []byte { return whole[:len(whole)*2/3] }),
		"bodies that go on":     body(func(whole []byte) []byte { return append(whole, make([]byte, 10<<20)...) }),
		"bodies that were changed": body(func(whole []byte) []byte {
			whole[len(whole)-1] ^= 1
			return whole
		}),
		"the same body for all": func() func(http.ResponseWriter, *http.Request, http.Handler) {
			var first atomic.Pointer[[]byte]
			return body(func(whole []byte) []byte {
				first.CompareAndSwap(nil, &whole)
				return *first.Load()
			})
		}(),
		"no answer": func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() },
		"answers that stall": func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			w.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(w, "\xff\x06\x00\x00") // the client may have gone
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"connections that are cut": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close() // that is the point
			}
		},
	} {
		t.Run(claim, func(t *testing.T) {
			spoil.Store(do)
			defer spoil.Store(through)
			c := m.clone()
			began := time.Now()
			out := c.build(true)
			t.Logf("%.1f s: %s", time.Since(began).Seconds(), strings.Join(regexp.MustCompile(`.*hared cache.*`).FindAllString(out, -1), "; "))
			c.same(want)
		})
	}
	select {
	case token := <-leaks:
		t.Errorf("another server got the credential %q", token)
	default:
	}
	t.Run("and nothing of that has stayed", func(t *testing.T) {
		c := m.clone()
		if out := c.build(false); ran(out) != "" {
			t.Errorf("%s", out)
		}
		c.same(want)
	})
}
