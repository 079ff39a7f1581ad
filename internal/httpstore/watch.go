package httpstore

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/netfault"
	"github.com/heapmage/heapmage/internal/objectstore"
)

// watch ends a request in which nothing comes or goes for too long. Only the time counts in which this
// end waits for the other.
type watch struct {
	outer    context.Context
	ctx      context.Context
	cancel   context.CancelCauseFunc
	timer    *time.Timer
	patience time.Duration

	mu   sync.Mutex // of sent
	sent bool       // an answer is there: what is read of the upload does not count
}

// newWatch returns a watch on a request that lasts no longer than ctx.
func newWatch(ctx context.Context, patience time.Duration) *watch {
	w := &watch{outer: ctx, patience: patience}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	return w
}

// start begins to count.
func (w *watch) start() {
	w.timer = time.AfterFunc(w.patience, func() { w.cancel(os.ErrDeadlineExceeded) })
}

// sending begins to count again: the next part of an upload was asked for, and within a time something
// must follow.
func (w *watch) sending(within time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.sent {
		w.timer.Reset(within)
	}
}

// answered stops counting: the head of an answer is there, or there is none.
func (w *watch) answered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = true
	w.timer.Stop()
}

// end ends the request.
func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// why is why a request failed, if err is what it failed with.
func (w *watch) why(err error) error {
	if w.outer.Err() != nil {
		return context.Cause(w.outer)
	}
	if w.ctx.Err() != nil {
		err = context.Cause(w.ctx)
	}
	return netfault.Explain(whom, err)
}

// upload is the body of requests.
type upload struct {
	watch   *watch
	content objectstore.Content

	mu  sync.Mutex // of err
	err error      // why the content could not be read
}

// on makes it the body of a request, which may be sent again after a redirection.
func (u *upload) on(r *http.Request) error {
	r.ContentLength = u.content.Size
	r.GetBody = func() (io.ReadCloser, error) {
		if u.content.Size == 0 {
			return http.NoBody, nil // other bodies without a length are sent in chunks
		}
		from, err := u.content.Open()
		if err != nil {
			u.fail(err)
			return nil, err
		}
		return &uploadBody{from, u}, nil
	}
	body, err := r.GetBody()
	r.Body = body
	return err
}

func (u *upload) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.err = err
}

// failed is why the content could not be read; nil if that is not why a request failed.
func (u *upload) failed() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// answerTime is how long the answer may take once all was handed over to the system.
func (u *upload) answerTime() time.Duration {
	return min(longestAnswer, u.watch.patience+time.Duration(u.content.Size)*time.Second/leastRate)
}

type uploadBody struct {
	io.ReadCloser
	*upload
}

func (b *uploadBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
		b.watch.sending(b.watch.patience)
	case errors.Is(err, io.EOF):
		b.watch.sending(b.answerTime())
	default:
		b.fail(err)
	}
	return n, err
}
