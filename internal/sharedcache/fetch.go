package sharedcache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/objectstore"
)

// manifestKey is the key of the n-th set of observed paths of a weak key.
func manifestKey(weak cache.Key, n int) string {
	return fingerprint.Sum(weak.String(), strconv.Itoa(n)).String()
}

// Sets yields the sets of observed paths that are stored for a weak key, tier by tier, as they are asked
// for: the first few, then the last ones. Each comes over the network, so stop when one was right.
func (c *Cache) Sets(ctx context.Context, weak cache.Key) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		for _, tier := range c.access.Reads {
			going := true
			_, _ = c.walk(ctx, tier, weak, func(_ int, set json.RawMessage) bool { // what fails is a miss
				going = set == nil || yield(set)
				return going
			})
			if !going {
				return
			}
		}
	}
}

// walk calls use with the sets of a chain that are looked at, and their numbers, until it returns false. What
// is there and does not count is nil. end is how many there are: in the middle some may be missing, where
// the store drops what is old.
func (c *Cache) walk(ctx context.Context, tier Tier, weak cache.Key, use func(n int, set json.RawMessage) bool) (end int, err error) {
	look := func(n int) (there, more bool, err error) {
		set, err := c.set(ctx, tier, weak, n)
		switch {
		case c.doubt(err): // else one such object would hide all that follow
			set = nil
		case errors.Is(err, objectstore.ErrAbsent):
			return false, true, nil
		case err != nil:
			return false, false, err
		}
		return true, use(n, set), nil
	}
	for n := range firstSets {
		if there, more, err := look(n); !there || !more {
			return n, err
		}
	}
	if end, err = c.end(ctx, tier, weak, firstSets); err != nil {
		return end, err
	}
	for n := end - 1; n >= max(firstSets, end-lastSets); n-- {
		if _, more, err := look(n); !more {
			return end, err
		}
	}
	return end, nil
}

// end finds how many sets a chain has that has at least some: by doubling, then by halving.
func (c *Cache) end(ctx context.Context, tier Tier, weak cache.Key, least int) (int, error) {
	has := func(count int) (there bool, err error) {
		at, answer := name(tier.Name, manifests, manifestKey(weak, count-1)), make(chan bool, 1)
		if err := c.ask(ctx, small, func(ctx context.Context, _ func(error)) error {
			there, err := c.store.Has(ctx, at)
			answer <- there
			return err
		}); err != nil {
			return false, err
		}
		return <-answer, nil
	}
	low, high := least, 2*least // that many are there, and that many are not
	for ; high < longest; low, high = high, 2*high {
		if there, err := has(high); err != nil {
			return low, err
		} else if !there {
			break
		}
	}
	for low+1 < high {
		middle := (low + high) / 2
		switch there, err := has(middle); {
		case err != nil:
			return low, err
		case there:
			low = middle
		default:
			high = middle
		}
	}
	return low, nil
}

// set fetches a set.
func (c *Cache) set(ctx context.Context, tier Tier, weak cache.Key, n int) (set json.RawMessage, err error) {
	at, read := name(tier.Name, manifests, manifestKey(weak, n)), make(chan json.RawMessage, 1)
	err = c.ask(ctx, small, func(ctx context.Context, _ func(error)) error {
		o, from, err := c.open(ctx, at, largestManifest, tier.Trust)
		if err != nil {
			return err
		}
		defer from.Close()
		var packed bytes.Buffer
		if err := next(o, &packed); err != nil {
			return err
		}
		if err := o.Next(io.Discard); !errors.Is(err, io.EOF) {
			return unexpected(err)
		}
		text, err := cache.Unpack(packed.Bytes(), largestManifest)
		read <- text
		return err
	})
	if err != nil {
		return nil, err
	}
	return <-read, nil
}

// open opens an object, and checks whose it is.
func (c *Cache) open(ctx context.Context, at string, most int64, trust envelope.Trust) (*envelope.Object, io.Closer, error) {
	from, err := c.store.Get(ctx, at)
	if err != nil {
		return nil, nil, err
	}
	noted := &source{Reader: objectstore.Stoppable(ctx, from)}
	o, err := envelope.Open(noted, at, most, trust)
	if err != nil {
		_ = from.Close() // it was only read
		if noted.err != nil {
			return nil, nil, noted.err
		}
		return nil, nil, &untrusted{err}
	}
	return o, from, nil
}

// source is a reader that notes why it failed.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// untrusted is the error of an object that does not count. It is no fault of the store: whoever may write
// there can leave any number of such objects.
type untrusted struct{ error }

func (u *untrusted) Unwrap() error { return objectstore.ErrAbsent }

// doubt reports whether an error means that an object does not count. It tells that once, and why one of
// them does not.
func (c *Cache) doubt(err error) bool {
	u := (*untrusted)(nil)
	if errors.As(err, &u) {
		c.doubted.Do(func() {
			c.tell(fmt.Sprintf("Shared cache (%s): it holds what does not count: %v", c.traits.Where, u))
		})
	}
	return u != nil
}

func unexpected(err error) error {
	if err == nil {
		return errors.New("it has a part too many")
	}
	return err
}

// Fetch puts the result of a strong key into the local cache. It returns false if there is none.
func (c *Cache) Fetch(ctx context.Context, key cache.Key) bool {
	for _, tier := range c.access.Reads {
		size, err := c.fetch(ctx, tier, key)
		if err == nil {
			c.count(func(d *Done) { d.Fetched++; d.FetchedBytes += size })
			return true
		}
		if c.doubt(err) {
			c.bad.Store(name(tier.Name, results, key.String()), true)
		}
	}
	return false
}

// next reads the next part of an object.
func next(o *envelope.Object, to io.Writer) error {
	err := o.Next(to)
	if errors.Is(err, envelope.ErrDamaged) || errors.Is(err, envelope.ErrIncomplete) {
		return &untrusted{err}
	}
	return err
}

func (c *Cache) fetch(ctx context.Context, tier Tier, key cache.Key) (size int64, err error) {
	var read, takes atomic.Int64
	err = c.ask(ctx, fetching, func(ctx context.Context, giveUp func(error)) error {
		late := time.AfterFunc(soon, func() { giveUp(errSlow) }) // until it is known what it may take
		defer late.Stop()
		o, from, err := c.open(ctx, name(tier.Name, results, key.String()), largestResult, tier.Trust)
		if err != nil {
			return err
		}
		defer from.Close()
		if err := isResult(o); err != nil {
			return err
		}
		late.Stop()
		takes.Store(int64(o.Takes))
		defer watch(o.Header, &read, giveUp)()
		var entry bytes.Buffer
		if err := next(o, counting{&entry, &read}); err != nil {
			return err
		}
		err = c.local.Import(ctx, key, entry.Bytes(), func(to io.Writer) error {
			if err := next(o, counting{to, &read}); err != nil {
				return err
			}
			if err := o.Next(io.Discard); !errors.Is(err, io.EOF) {
				return unexpected(err)
			}
			return nil
		})
		if n := (*cache.NotStored)(nil); errors.As(err, &n) && n.Why == cache.Unsuitable {
			return &untrusted{err}
		}
		return err
	})
	if err == nil {
		c.patience.earn(time.Duration(takes.Load()))
	}
	return read.Load(), err
}

// isResult checks that an object has the parts of a result, of which the first is read into memory.
func isResult(o *envelope.Object) error {
	switch {
	case len(o.Parts) != 2:
		return &untrusted{errors.New("it has another number of parts")}
	case o.Parts[0].Size > largestEntry:
		return &untrusted{fmt.Errorf("its list of files takes more than %d MB", largestEntry>>20)}
	}
	return nil
}

// Entry fetches what is known of a result, without its files. It is nil if there is none.
func (c *Cache) Entry(ctx context.Context, key cache.Key) *cache.Entry {
	for _, tier := range c.access.Reads {
		found := make(chan *cache.Entry, 1)
		err := c.ask(ctx, small, func(ctx context.Context, _ func(error)) error {
			o, from, err := c.open(ctx, name(tier.Name, results, key.String()), largestResult, tier.Trust)
			if err != nil {
				return err
			}
			defer from.Close()
			if err := isResult(o); err != nil {
				return err
			}
			var packed bytes.Buffer
			if err := next(o, &packed); err != nil {
				return err
			}
			e, err := cache.ReadEntry(key, packed.Bytes())
			if err != nil {
				return &untrusted{err}
			}
			found <- e
			return nil
		})
		if err == nil {
			return <-found
		}
	}
	return nil
}

// longestFetch bounds a fetch, whatever it promises.
const longestFetch = time.Hour

// look is how often the progress of a fetch is looked at.
const look = time.Second

// watch ends a fetch that would take longer than the task has, unless it is done soon. done ends the
// watch.
func watch(h envelope.Header, read *atomic.Int64, giveUp func(error)) (done func()) {
	began, end := time.Now(), make(chan struct{})
	go func() {
		tick := time.NewTicker(look)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
			}
			if took := time.Since(began); !pays(h, read.Load(), took) {
				giveUp(fmt.Errorf("a result would take longer to fetch than its task took (%d of %d KB in %.0f s)", read.Load()>>10, h.Size()>>10, took.Seconds()))
				return
			}
		}
	}()
	return func() { close(end) }
}

// grace is what a fetch may take in any case.
const grace = 2 * time.Second

// pays reports whether a fetch that has read so much in so much time will be done before the task
// would have been.
func pays(h envelope.Header, read int64, took time.Duration) bool {
	if took < grace {
		return true
	}
	whole := time.Duration(float64(took) * float64(h.Size()) / float64(max(read, 1)))
	return whole <= max(h.Takes, grace)
}

// counting counts what is written.
type counting struct {
	io.Writer
	n *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n.Add(int64(n))
	return n, err
}
