package httpstore

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

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
	var back string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/return" {
			http.Redirect(w, r, back, http.StatusFound)
			return
		}
		record(w, r)
	}))
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
	back = turbo.base.JoinPath("x").String()
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
		{"nor does the first one behind it", other.URL + "/return", 302, false, "GET /x ", ""},
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
		told(t, failed(t, hasty(turbo)), nil, "did not answer in time")
		told(t, put(turbo, strings.Repeat("a", 4<<20)), nil, "did not answer in time")
	})
}

// Proxies are read from the environment once, by the standard library: so in another process.
func TestProxy(t *testing.T) {
	seen := make(chan string, 1) // what the last request was
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-seen:
		default:
		}
		seen <- r.Method + " " + r.URL.String() + " " + r.Header.Get("Proxy-Authorization")
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
			if got := <-seen; err != nil || !strings.Contains(string(out), tt.want) || strings.Contains(string(out), "pass@") || got != tt.seen {
				t.Errorf("%v %s: it saw %q, not %q", err, out, got, tt.seen)
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
