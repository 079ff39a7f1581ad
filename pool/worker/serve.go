package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/heapmage/heapmage/pool/internal/frame"
)

// serve answers the tasks that come through channel until its end, and returns
// nil then. The contexts of the handlers end with ctx and with the channel; serve
// returns when all handlers have. It does not close the channel.
func serve(ctx context.Context, channel io.ReadWriter, handlers Handlers) error {
	ctx, cancel := context.WithCancel(ctx)
	s := &server{channel: channel, handlers: handlers, cancels: map[uint64]context.CancelFunc{}}
	defer s.running.Wait()
	defer cancel()
	s.send(frame.Frame{Kind: frame.Ready, V: frame.Version})
	for in := frame.NewDecoder(channel, 0); ; {
		f, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case f.Kind == frame.Task:
			s.start(ctx, f)
		case f.Kind == frame.Cancel:
			s.cancel(f.ID)
		}
	}
}

type server struct {
	channel  io.Writer
	handlers Handlers
	running  sync.WaitGroup // one for each task

	mu      sync.Mutex // guards all below, and writes to channel
	cancels map[uint64]context.CancelFunc
	out     []byte
}

func (s *server) start(ctx context.Context, task frame.Frame) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.cancels[task.ID] = cancel
	s.mu.Unlock()
	s.running.Go(func() {
		defer cancel()
		s.send(s.answer(ctx, task))
	})
}

func (s *server) answer(ctx context.Context, task frame.Frame) frame.Frame {
	value, err := s.handlers.Do(ctx, task.Type, task.Data)
	s.mu.Lock()
	delete(s.cancels, task.ID)
	s.mu.Unlock()
	if err == nil {
		var raw json.RawMessage
		if raw, err = encode(value); err == nil {
			return frame.Frame{Kind: frame.Result, ID: task.ID, Result: raw}
		}
		err = fmt.Errorf("the result cannot be sent: %w", err)
	}
	return frame.Frame{Kind: frame.Failed, ID: task.ID, Error: err.Error()}
}

// encode is json.Marshal, but reads a value that is JSON already only once.
func encode(value any) (json.RawMessage, error) {
	if raw, ok := value.(json.RawMessage); ok && frame.OneValue(raw) {
		return raw, nil
	}
	return json.Marshal(value)
}

func (s *server) cancel(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.cancels[id]; cancel != nil {
		cancel()
	}
}

// send writes one frame. An error means that the pool is gone, which serve sees
// as well.
func (s *server) send(f frame.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = f.Append(s.out[:0])
	_, _ = s.channel.Write(s.out)
	if cap(s.out) > frame.Large {
		s.out = nil
	}
}
