package servertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/objectstore"
	"github.com/heapmage/heapmage/internal/signature"
)

// Check holds a store on a server to what every store promises. open opens it.
func Check(t *testing.T, s *Server, open objectstore.Opener) {
	c := &check{s, open, signature.Secret{}}
	key, err := signature.Generate()
	if err != nil {
		t.Fatal(err)
	}
	c.key = key
	t.Run("an object is there when it was stored, and not before", c.roundTrips)
	t.Run("many at once", c.concurrent)
	t.Run("one that is there", c.twice)
	t.Run("a name that no object has", c.names)
	t.Run("a wrong credential, and none", c.refused)
	t.Run("an object that somebody replaced does not count", c.replaced)
	t.Run("nor does one that was damaged on the server", c.damaged)
	t.Run("the server is killed while it sends", c.killedSending)
	t.Run("the server is killed while it receives", c.killedReceiving)
}

type check struct {
	*Server
	openStore objectstore.Opener
	key       signature.Secret
}

// open opens the store with an environment.
func (c *check) open(t *testing.T, env []string) objectstore.Store {
	t.Helper()
	at, err := url.Parse(c.Address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.openStore(at, "", env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// name returns the name of an object of this test.
func name(t *testing.T, n int) string {
	return fmt.Sprintf("trusted/results/%x-%d", sha256.Sum256([]byte(t.Name())), n)
}

// noise is what no server can pack.
func noise(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // it never fails
	return b
}

func (c *check) sealed(t *testing.T, name string, content []byte) objectstore.Content {
	t.Helper()
	object, err := envelope.Seal(envelope.Header{Name: name}, c.key, envelope.Bytes(content))
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// fetch gets an object and checks it, as users of stores do.
func (c *check) fetch(s objectstore.Store, name string) ([]byte, error) {
	from, err := s.Get(context.Background(), name)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	o, err := envelope.Open(from, name, 1<<30, envelope.Trust{Keys: []signature.Public{c.key.Public()}})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := o.Next(&b); err != nil {
		return nil, err
	}
	if err := o.Next(io.Discard); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("it has more: %w", err)
	}
	return b.Bytes(), nil
}

func (c *check) roundTrips(t *testing.T) {
	s := c.open(t, c.Env)
	for n, size := range []int{1, 300_000, 20 << 20} {
		name, content := name(t, n), noise(size)
		if _, err := s.Get(t.Context(), name); !errors.Is(err, objectstore.ErrAbsent) {
			t.Fatalf("what is not there gives %v", err)
		}
		if there, err := s.Has(t.Context(), name); there || err != nil {
			t.Fatal(there, err)
		}
		if err := s.Put(t.Context(), name, c.sealed(t, name, content)); err != nil {
			t.Fatal(err)
		}
		if there, err := s.Has(t.Context(), name); !there || err != nil {
			t.Error(there, err)
		}
		if got, err := c.fetch(s, name); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes of %d, %v", len(got), size, err)
		}
	}
}

func (c *check) concurrent(t *testing.T) {
	s := c.open(t, c.Env)
	var wait sync.WaitGroup
	for n := range 30 {
		wait.Go(func() {
			name, content := name(t, n), bytes.Repeat([]byte{byte(n)}, 50_000)
			if err := s.Put(t.Context(), name, c.sealed(t, name, content)); err != nil {
				t.Error(err)
			} else if got, err := c.fetch(s, name); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	wait.Wait()
}

func (c *check) twice(t *testing.T) {
	s, name := c.open(t, c.Env), name(t, 0)
	if err := s.Put(t.Context(), name, c.sealed(t, name, []byte("first"))); err != nil {
		t.Fatal(err)
	}
	err := s.Put(t.Context(), name, c.sealed(t, name, []byte("second")))
	got, fetched := c.fetch(s, name)
	if fetched != nil {
		t.Fatal(fetched)
	}
	if s.Traits().CreateOnly {
		if !errors.Is(err, objectstore.ErrExists) || string(got) != "first" {
			t.Errorf("it is not create-only: %s, %v", got, err)
		}
	} else if err != nil && !errors.Is(err, objectstore.ErrExists) || err == nil && string(got) != "second" {
		t.Errorf("%s, %v", got, err)
	}
}

func (c *check) names(t *testing.T) {
	s := c.open(t, c.Env)
	for _, name := range []string{"trusted/../pull-1/x", "../x", "..%2fx", "a//b", "", "/x", "A"} {
		if err := s.Put(t.Context(), name, envelope.Bytes([]byte("x"))); err == nil {
			t.Errorf("%q was stored", name)
		}
		if _, err := s.Get(t.Context(), name); err == nil || errors.Is(err, objectstore.ErrAbsent) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func (c *check) refused(t *testing.T) {
	for claim, env := range map[string][]string{"wrong": c.WrongEnv(), "none": {"AWS_EC2_METADATA_DISABLED=true"}} {
		s, name := c.open(t, env), name(t, 0)
		_, got := s.Get(t.Context(), name)
		_, has := s.Has(t.Context(), name)
		for what, err := range map[string]error{"get": got, "has": has, "put": s.Put(t.Context(), name, c.sealed(t, name, []byte("x")))} {
			if !errors.Is(err, objectstore.ErrRefused) {
				t.Errorf("%s, %s: %v", claim, what, err)
				continue
			}
			t.Logf("%s, %s: %v", claim, what, err)
			for _, entry := range env {
				if _, value, _ := strings.Cut(entry, "="); strings.Contains(err.Error(), value) {
					t.Errorf("%s, %s: %v", claim, what, err)
				}
			}
		}
	}
	if there, err := c.open(t, c.Env).Has(t.Context(), name(t, 0)); there || err != nil {
		t.Error(there, err)
	}
}

func (c *check) replaced(t *testing.T) {
	s := c.open(t, c.Env)
	stranger, err := signature.Generate()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for claim, object := range map[string]func(name string) objectstore.Content{
		"another key":     func(name string) objectstore.Content { return (&check{key: stranger}).sealed(t, name, []byte("evil")) },
		"another name":    func(string) objectstore.Content { return c.sealed(t, "trusted/results/other", []byte("evil")) },
		"no signature":    func(name string) objectstore.Content { return (&check{}).sealed(t, name, []byte("evil")) },
		"no object":       func(string) objectstore.Content { return envelope.Bytes(noise(1000)) },
		"another content": func(name string) objectstore.Content { return changed(t, c.sealed(t, name, []byte("good")), -1) },
		"half an object":  func(name string) objectstore.Content { return cut(t, c.sealed(t, name, noise(1000))) },
	} {
		n++
		name := name(t, n)
		if err := s.Put(t.Context(), name, object(name)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.fetch(s, name); err == nil || errors.Is(err, objectstore.ErrAbsent) {
			t.Errorf("%s: %v", claim, err)
		}
	}
}

func read(t *testing.T, c objectstore.Content) []byte {
	t.Helper()
	from, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	b, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// changed changes one byte, counted from the end.
func changed(t *testing.T, c objectstore.Content, at int) objectstore.Content {
	b := read(t, c)
	b[len(b)+at] ^= 1
	return envelope.Bytes(b)
}

func cut(t *testing.T, c objectstore.Content) objectstore.Content {
	b := read(t, c)
	return envelope.Bytes(b[:len(b)/2])
}

// damaged changes and cuts the files that the server itself keeps.
func (c *check) damaged(t *testing.T) {
	s := c.open(t, c.Env)
	for n, harm := range []func(file string, size int64) error{
		func(file string, size int64) error { return os.Truncate(file, size/2) },
		func(file string, size int64) error {
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("damage"), size/2)
			return errors.Join(err, f.Close())
		},
	} {
		name := name(t, n)
		// Of a size that no other object here has, so that its file is found.
		size := 701_000 + 1000*n
		if err := s.Put(t.Context(), name, c.sealed(t, name, noise(size))); err != nil {
			t.Fatal(err)
		}
		harmed := 0
		err := filepath.WalkDir(c.dir, func(file string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err != nil || info.Size() < int64(size) || info.Size() >= int64(size)+1000 {
				return err
			}
			harmed++
			return harm(file, info.Size())
		})
		if err != nil || harmed != 1 {
			t.Fatalf("%d files are harmed: %v", harmed, err)
		}
		_, err = c.fetch(s, name)
		if err == nil {
			t.Error("it counts")
		}
		t.Log(err)
	}
}

// large is more than what the system's buffers hold.
const large = 64 << 20

func (c *check) killedSending(t *testing.T) {
	s, name := c.open(t, c.Env), name(t, 0)
	if err := s.Put(t.Context(), name, c.sealed(t, name, noise(large))); err != nil {
		t.Fatal(err)
	}
	from, err := s.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if _, err := io.CopyN(io.Discard, from, 1<<20); err != nil {
		t.Fatal(err)
	}
	c.Kill()
	n, err := io.Copy(io.Discard, from)
	if err == nil {
		t.Errorf("%d bytes more were read", n)
	}
	t.Log(err)
	_, err = s.Get(t.Context(), name)
	if err == nil || errors.Is(err, objectstore.ErrAbsent) || errors.Is(err, objectstore.ErrRefused) {
		t.Errorf("a dead server gives %v", err)
	}
	t.Log(err)
	c.Restart()
	if got, err := c.fetch(s, name); err != nil || len(got) != large {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func (c *check) killedReceiving(t *testing.T) {
	s, name := c.open(t, c.Env), name(t, 0)
	object := c.sealed(t, name, noise(large))
	killing := objectstore.Content{Size: object.Size}
	calls := 0
	killing.Open = func() (io.ReadCloser, error) {
		from, err := object.Open()
		if calls++; err != nil || calls < c.sent(s) {
			return from, err
		}
		return &killer{ReadCloser: from, at: large / 2, kill: c.Kill}, nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := s.Put(ctx, name, killing)
	if err == nil || errors.Is(err, objectstore.ErrExists) || ctx.Err() != nil {
		t.Errorf("it is stored: %v", err)
	}
	t.Log(err)
	c.Restart()
	switch _, err := c.fetch(s, name); {
	case err == nil:
		t.Error("half an object counts")
	case errors.Is(err, objectstore.ErrAbsent):
		t.Log("half an object is none")
	default:
		t.Log("half an object stays on this server:", err)
	}
	if err := s.Put(ctx, name, object); err != nil && !errors.Is(err, objectstore.ErrExists) {
		t.Fatal(err)
	}
	if got, err := c.fetch(s, name); err != nil || len(got) != large {
		t.Errorf("stored again it gives %d bytes, %v", len(got), err)
	}
}

// sent is at which opening of a content it is sent: some stores read it before.
func (c *check) sent(s objectstore.Store) int {
	if s.Traits().CreateOnly || strings.HasPrefix(c.Address, "bazel") {
		return 2
	}
	return 1
}

// killer kills the server when so much was read.
type killer struct {
	io.ReadCloser
	at   int64
	kill func()
	once sync.Once
}

func (k *killer) Read(p []byte) (int, error) {
	n, err := k.ReadCloser.Read(p)
	if k.at -= int64(n); k.at <= 0 {
		k.once.Do(k.kill)
	}
	return n, err
}
