package httpstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/objectstore"
)

// bazel is a server that speaks Bazel's HTTP cache (https://bazel.build/remote/caching#http-caching): what
// an object holds stands under its digest in /cas, and a result of an action in /ac, under the digest
// of the object's name, tells which one that is.
type bazel struct {
	client *Client
	base   *url.URL
}

// OpenBazel opens bazel+https://HOST[/prefix].
func OpenBazel(at *url.URL, _ string, env []string) (objectstore.Store, error) {
	base, _, err := server(at)
	if err != nil {
		return nil, err
	}
	token, err := credential(base, env, environ.CacheToken)
	if err != nil {
		return nil, err
	}
	if user, password, ok := strings.Cut(token, ":"); ok {
		return &bazel{basic(user, password), base}, nil
	}
	return &bazel{bearer(token), base}, nil
}

func (b *bazel) blob(digest string) string { return b.base.JoinPath("cas", digest).String() }
func (b *bazel) action(name string) string { return b.base.JoinPath("ac", digest(name)).String() }

// result finds what an object holds.
func (b *bazel) result(ctx context.Context, name string) (blob, error) {
	if !objectstore.ValidName(name) {
		return blob{}, invalid(name)
	}
	from, err := b.client.Get(ctx, b.action(name))
	if err != nil {
		return blob{}, err
	}
	defer from.Close()
	text, err := io.ReadAll(io.LimitReader(from, longestResult+1))
	if err != nil {
		return blob{}, err
	}
	if len(text) > longestResult {
		return blob{}, errors.New("the server's result of an action is too long")
	}
	return readResult(text)
}

func (b *bazel) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	is, err := b.result(ctx, name)
	if err != nil {
		return nil, err
	}
	from, err := b.client.Get(ctx, b.blob(is.digest))
	if err != nil {
		return nil, err
	}
	return &exactly{from, is.size}, nil
}

// Has asks for the content too: servers may drop it earlier than what points to it.
func (b *bazel) Has(ctx context.Context, name string) (bool, error) {
	is, err := b.result(ctx, name)
	if errors.Is(err, objectstore.ErrAbsent) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return b.client.Has(ctx, b.blob(is.digest))
}

// Put stores the content first, so that nothing ever points to what is not there.
func (b *bazel) Put(ctx context.Context, name string, c objectstore.Content) error {
	if !objectstore.ValidName(name) {
		return invalid(name)
	}
	sum, err := Digest(ctx, c)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {plainBytes}}
	if err := b.client.Put(ctx, b.blob(sum), header, c); err != nil && !errors.Is(err, objectstore.ErrExists) {
		return err
	}
	return b.client.Put(ctx, b.action(name), header, envelope.Bytes(blob{sum, c.Size}.result()))
}

func (b *bazel) Traits() objectstore.Traits {
	return objectstore.Traits{Where: "the server " + b.base.Host}
}

// Digest is the SHA-256 of a content, as lower-case hexadecimal digits.
func Digest(ctx context.Context, c objectstore.Content) (string, error) {
	from, err := c.Open()
	if err != nil {
		return "", err
	}
	defer from.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, objectstore.Stoppable(ctx, from))
	if err == nil && n != c.Size {
		err = fmt.Errorf("%d bytes were to be stored, and there were %d", c.Size, n)
	}
	return hex.EncodeToString(sum.Sum(nil)), err
}

// exactly reads a number of bytes. More or fewer are an error.
type exactly struct {
	io.ReadCloser
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if int64(n) > e.left {
		return int(e.left), errors.New("the server sends more than its result of the action says")
	}
	e.left -= int64(n)
	if errors.Is(err, io.EOF) && e.left > 0 {
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}
