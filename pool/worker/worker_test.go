package worker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/pool/internal/frame"
)

// dial serves handlers and returns the pool's end of the channel, and what
// serve returns.
func dial(t *testing.T, handlers Handlers) (net.Conn, *frame.Decoder, <-chan error) {
	t.Helper()
	ours, theirs := net.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- serve(context.Background(), theirs, handlers)
		_ = theirs.Close()
	}()
	t.Cleanup(func() { _ = ours.Close() })
	in := frame.NewDecoder(ours, 0)
	if f, err := in.Next(); err != nil || f.Kind != frame.Ready || f.V != frame.Version {
		t.Fatalf("first frame %+v, %v", f, err)
	}
	return ours, in, served
}

func TestServe(t *testing.T) {
	handlers := Handlers{
		"double": Func(func(_ context.Context, n int) (int, error) { return 2 * n, nil }),
		"fail":   func(context.Context, json.RawMessage) (any, error) { return nil, errors.New("broken") },
		"chan":   func(context.Context, json.RawMessage) (any, error) { return make(chan int), nil },
		"wait": func(ctx context.Context, _ json.RawMessage) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
	t.Run("answers each task with its own id", func(t *testing.T) {
		conn, in, _ := dial(t, handlers)
		for _, c := range []struct{ frame, want string }{
			{`{"kind":"task","id":1,"type":"double","data":21}`, `{"kind":"result","id":1,"result":42}`},
			{`{"kind":"task","id":2,"type":"fail"}`, `{"kind":"error","id":2,"error":"broken"}`},
			{`{"kind":"task","id":3,"type":"double","data":"x"}`, `{"kind":"error","id":3,"error":"the data of the task: `},
			{`{"kind":"task","id":4,"type":"triple"}`, `{"kind":"error","id":4,"error":"no handler for tasks of type \"triple\" (there are: chan, double, fail, wait)"}`},
			{`{"kind":"task","id":5,"type":"chan"}`, `{"kind":"error","id":5,"error":"the result cannot be sent: `},
		} {
			if _, err := io.WriteString(conn, "{\"kind\":\"hymn\"}\n"+c.frame+"\n"); err != nil {
				t.Fatal(err)
			}
			f, err := in.Next()
			if err != nil || !strings.HasPrefix(string(f.Append(nil)), c.want) {
				t.Errorf("%s: got %s, %v", c.frame, f.Append(nil), err)
			}
		}
	})
	t.Run("cancels the task that is named, and answers it", func(t *testing.T) {
		conn, in, _ := dial(t, handlers)
		_, _ = io.WriteString(conn, "{\"kind\":\"task\",\"id\":1,\"type\":\"wait\"}\n{\"kind\":\"cancel\",\"id\":9}\n{\"kind\":\"cancel\",\"id\":1}\n")
		if f, err := in.Next(); err != nil || f.ID != 1 || f.Error != "context canceled" {
			t.Errorf("got %+v, %v", f, err)
		}
	})
	t.Run("ends with its handlers when the channel does", func(t *testing.T) {
		conn, _, served := dial(t, handlers)
		_, _ = io.WriteString(conn, "{\"kind\":\"task\",\"id\":1,\"type\":\"wait\"}\n")
		_ = conn.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Run("reports a pool that sends nonsense", func(t *testing.T) {
		conn, _, served := dial(t, handlers)
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\n")
		if err := <-served; !errors.Is(err, frame.ErrMalformed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestMainReturnsInAProgramThatIsNoWorker(*testing.T) { Main(nil) }
