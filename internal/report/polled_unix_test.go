//go:build unix

package report

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/event"
)

// blocking is a pipe whose write end is like standard output: it blocks, and the
// runtime does not poll it.
func blocking(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w.Fd() // sets it to blocking
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	return r, w
}

func TestPolled(t *testing.T) {
	text := bytes.Repeat([]byte("a line of a bundler\n"), 20_000)
	t.Run("loses nothing if another process makes the pipe non-blocking and blocking again", func(t *testing.T) {
		r, w := blocking(t)
		var got bytes.Buffer
		fd := int(w.Fd())
		var reader sync.WaitGroup
		reader.Go(func() {
			buf := make([]byte, 10_000)
			for n := 0; got.Len() < len(text); n++ {
				if err := unix.SetNonblock(fd, n%3 != 0); err != nil {
					t.Error(err)
				}
				k, err := r.Read(buf)
				got.Write(buf[:k])
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
		if n, err := polled(w, nil).Write(text); err != nil || n != len(text) {
			t.Errorf("%d of %d, %v", n, len(text), err)
		}
		reader.Wait()
		if !bytes.Equal(got.Bytes(), text) {
			t.Errorf("%d of %d bytes arrived", got.Len(), len(text))
		}
	})
	t.Run("survives a reader that goes away", func(t *testing.T) {
		r, w := blocking(t)
		time.AfterFunc(20*time.Millisecond, func() { _ = r.Close() })
		if _, err := polled(w, nil).Write(text); !errors.Is(err, syscall.EPIPE) {
			t.Error(err)
		}
	})
	t.Run("gives up when nobody waits any more", func(t *testing.T) {
		_, w := blocking(t)
		abandoned := make(chan struct{})
		time.AfterFunc(20*time.Millisecond, func() { close(abandoned) })
		if _, err := polled(w, abandoned).Write(text); !errors.Is(err, errAbandoned) {
			t.Error(err)
		}
	})
	t.Run("cuts between lines", func(t *testing.T) {
		p := &polledFile{most: 10}
		for in, want := range map[string]string{"short": "short", "one\ntwo\nthree": "one\ntwo\n", "0123456789abc\n": "0123456789"} {
			if got := p.next([]byte(in)); string(got) != want {
				t.Errorf("%q of %q", got, in)
			}
		}
	})
	t.Run("takes regular files as they are", func(t *testing.T) {
		f, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if n, err := polled(f, nil).Write(text); err != nil || n != len(text) {
			t.Error(n, err)
		}
	})
}

func TestReady(t *testing.T) {
	_, w := blocking(t)
	if !ready(t.Context(), w) {
		t.Error("an empty pipe takes a line")
	}
	fd := int(w.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for { // fill it
		if _, err := unix.Write(fd, make([]byte, 4096)); err != nil {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if (&polledFile{fd: fd, abandoned: ctx.Done()}).wait() {
		t.Error("a full pipe takes none")
	}
}

// TestASlowDisk: a disk that does not take the record holds nothing up.
func TestASlowDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	reader, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer reader.Close()
	out, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRecorder(out)
	const events = 60_000
	for n := range events {
		r.Take(event.Stamped{Seq: n, Event: event.Sample{}}, nil)
	}
	r.Take(event.Stamped{Seq: events, Event: event.RunFinished{Target: "build"}}, nil)
	r.queue.mu.Lock()
	if r.queue.size > 2*mostWaiting {
		t.Errorf("%d bytes wait", r.queue.size)
	}
	r.queue.mu.Unlock()
	done := make(chan error)
	go func() { done <- r.Close() }()
	var got bytes.Buffer
	for buf := make([]byte, 64<<10); !bytes.Contains(got.Bytes(), []byte("run_finished")); {
		n, err := reader.Read(buf)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		got.Write(buf[:n])
	}
	if err := <-done; err == nil {
		t.Error("samples were left out, and the record is called complete")
	}
}
