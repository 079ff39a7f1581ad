package httpstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/objectstore"
	"github.com/heapmage/heapmage/internal/version"
)

// The bounds of requests.
const (
	// patience is how long nothing may come or go: a connection, the head of an answer, or a part of a
	// body.
	patience = 5 * time.Second
	// leastRate is the rate in bytes a second that an upload is expected to have: what has left this
	// process may still be under way, or be handed on by the server, before it answers.
	leastRate = 1 << 20
	// longestAnswer bounds the wait for the answer to an upload.
	longestAnswer = time.Minute
	// atOnce is how many requests there are at once.
	atOnce = 8
	// mostRedirects is how many redirections are followed.
	mostRedirects = 3
	// longestHead bounds the head of an answer, in bytes.
	longestHead = 64 << 10
)

// Client speaks with one server. Its methods may be called by many goroutines; at most eight requests
// are under way at once, each until its body is closed. Errors are as those of objectstore.Store.
//
// Proxies are those of the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), trusted certificates those
// of the system. Redirections are followed, but not from https to http; the credential is not sent to
// another scheme, host or port.
type Client struct {
	authorize func(*http.Request) error
	secrets   []string
	http      http.Client
	patience  time.Duration
	slots     chan struct{}
}

// NewClient returns a client. authorize is called for each request and gives it its credential; nil
// means that there is none. Answers in which one of the secrets stands are not shown.
func NewClient(authorize func(*http.Request) error, secrets ...string) *Client {
	c := &Client{authorize: authorize, secrets: secrets, patience: patience, slots: make(chan struct{}, atOnce)}
	c.http = http.Client{CheckRedirect: follow, Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: patience}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // objects are packed; what a server packs again could be a bomb
		MaxIdleConnsPerHost:    atOnce,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: longestHead,
	}}
	return c
}

// Get opens what is at an address.
func (c *Client) Get(ctx context.Context, at string) (io.ReadCloser, error) {
	a, err := c.do(ctx, request{method: http.MethodGet, at: at})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Has reports whether something is at an address.
func (c *Client) Has(ctx context.Context, at string) (bool, error) {
	a, err := c.do(ctx, request{method: http.MethodHead, at: at})
	if errors.Is(err, objectstore.ErrAbsent) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, a.Close()
}

// Put stores a content at an address. The header may be nil.
func (c *Client) Put(ctx context.Context, at string, header http.Header, content objectstore.Content) error {
	a, err := c.do(ctx, request{method: http.MethodPut, at: at, header: header, content: content})
	if err != nil {
		return err
	}
	return a.Close()
}

// request is what to ask for.
type request struct {
	method, at string
	header     http.Header
	content    objectstore.Content
}

// do makes a request, and once more if the connection broke before an answer came: an idle one may
// have been closed meanwhile. It returns answers of success only.
func (c *Client) do(ctx context.Context, q request) (*answer, error) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	a, err := c.try(ctx, q)
	if broken := (*brokenError)(nil); errors.As(err, &broken) {
		a, err = c.try(ctx, q)
	}
	if err != nil {
		<-c.slots
		return nil, err
	}
	a.release = func() { <-c.slots }
	if err := c.verdict(q.method, a); err != nil {
		_ = a.Close() // it failed anyway
		return nil, err
	}
	return a, nil
}

// brokenError is the error of a connection that broke before any answer.
type brokenError struct{ error }

// isBroken reports whether that is why a request failed.
func isBroken(err error) bool {
	var step *net.OpError
	return errors.Is(err, io.EOF) || errors.As(err, &step) && slices.Contains([]string{"read", "write", "readfrom"}, step.Op) && !step.Timeout()
}

// try makes a request once.
func (c *Client) try(ctx context.Context, q request) (*answer, error) {
	w := newWatch(ctx, c.patience)
	r, err := http.NewRequestWithContext(w.ctx, q.method, q.at, nil)
	if err != nil {
		return nil, errors.New("the address is none")
	}
	maps.Copy(r.Header, q.header)
	r.Header.Set("User-Agent", userAgent())
	r.Header.Set("Accept-Encoding", "identity")
	up := &upload{watch: w, content: q.content}
	if q.method == http.MethodPut {
		if err := up.on(r); err != nil {
			return nil, err
		}
	}
	if c.authorize != nil {
		if err := c.authorize(r); err != nil {
			return nil, err
		}
	}
	w.start()
	resp, err := c.http.Do(r) //nolint:bodyclose // the answer closes it
	w.answered()
	if err == nil {
		return &answer{Response: resp, watch: w, authorized: r.Header.Get("Authorization") != ""}, nil
	}
	defer w.end()
	var redirect *redirectError
	switch {
	case ctx.Err() == nil && up.failed() != nil:
		return nil, up.failed()
	case errors.As(err, &redirect):
		return nil, redirect
	case w.ctx.Err() == nil && isBroken(err):
		return nil, &brokenError{w.why(err)}
	}
	return nil, w.why(err)
}

// whom is how messages name the server.
const whom = "the server"

func userAgent() string {
	if number := version.Number(); number != "" {
		return "heapmage/" + number
	}
	return "heapmage"
}

// redirectError is the error of a redirection that is not followed.
type redirectError struct{ text string }

func (r *redirectError) Error() string { return r.text }

// follow decides whether a redirection is followed, and takes from the next request what only the
// first server may see. http.Client alone would send the credential to another port, from https to
// http, and to hosts below the first.
func follow(next *http.Request, earlier []*http.Request) error {
	first := earlier[0]
	switch {
	case len(earlier) > mostRedirects:
		return &redirectError{fmt.Sprintf("the server redirects more than %d times", mostRedirects)}
	case next.URL.Scheme != "https" && next.URL.Scheme != "http":
		return &redirectError{"the server redirects to something else than HTTP"}
	case next.URL.Scheme == "http" && earlier[len(earlier)-1].URL.Scheme == "https":
		return &redirectError{"the server redirects from https to http"}
	case next.Method != first.Method:
		return &redirectError{"the server redirects an upload so that nothing would be stored"}
	}
	if sameOrigin(next.URL, first.URL) && !slices.ContainsFunc(earlier, func(r *http.Request) bool { return !sameOrigin(r.URL, first.URL) }) {
		next.Header.Del("Referer") // it has the query of the address before
		return nil
	}
	for name := range next.Header {
		if !slices.Contains(forAll, name) {
			next.Header.Del(name)
		}
	}
	return nil
}

// forAll are the headers that other servers may see as well.
var forAll = []string{"User-Agent", "Accept-Encoding", "Content-Type"}

// sameOrigin reports whether two addresses are of the same server.
func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }
