package sharedcache

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/objectstore"
)

const (
	// uploadsAtOnce is how many results are stored at once: the build needs the processors.
	uploadsAtOnce = 2
	// mostUpload bounds the upload of one result.
	mostUpload = 10 * time.Minute
	// mostAtEnd bounds what a run waits for its uploads after its last task.
	mostAtEnd = 30 * time.Second
)

// Writes reports whether results are stored.
func (c *Cache) Writes() bool { return c.access.Writes != "" && !c.patience.isOver(writing) }

// Store stores a result of the local cache, with the set of observed paths that leads to it, while the run
// goes on.
func (c *Cache) Store(e *cache.Entry, weak cache.Key, set json.RawMessage) {
	if !c.Writes() {
		return
	}
	if len(e.Local) > 0 {
		c.Withhold(e.Local[0])
		return
	}
	c.uploads.Go(func() {
		c.queue <- struct{}{}
		defer func() { <-c.queue }()
		err := c.upload(e, weak, set)
		switch h := (*holds)(nil); {
		case errors.As(err, &h):
			c.Withhold(h.Error())
		case err != nil:
			c.count(func(d *Done) { d.Unstored++; d.Why = cmp.Or(d.Why, err.Error()) })
		}
	})
}

// holds is the error of a result that must not leave this machine.
type holds struct{ where, what string }

func (h *holds) Error() string { return h.where + " holds " + h.what }

func (c *Cache) upload(e *cache.Entry, weak cache.Key, set json.RawMessage) error {
	if c.patience.isOver(writing) {
		return errOver
	}
	packed, err := c.local.Export(e)
	if err != nil {
		return err
	}
	if err := c.search(e); err != nil {
		return err
	}
	at := name(c.access.Writes, results, e.Key.String())
	object, err := envelope.Seal(envelope.Header{Name: at, Takes: e.Duration}, c.access.Secret,
		envelope.Bytes(packed.Entry), objectstore.Content{Size: packed.BlobSize, Open: packed.Blob})
	if err != nil {
		return err
	}
	if err := c.put(at, object); err != nil && !errors.Is(err, objectstore.ErrExists) {
		return err
	}
	if err := c.addSet(weak, set); err != nil {
		return err
	}
	c.count(func(d *Done) { d.Stored++; d.StoredBytes += object.Size })
	return nil
}

// put stores an object unless there is one.
func (c *Cache) put(at string, object objectstore.Content) error {
	return c.ask(context.Background(), storing, func(ctx context.Context, _ func(error)) error {
		there, err := c.store.Has(ctx, at)
		counts := false
		if there && err == nil {
			counts, err = c.counts(ctx, at)
		}
		switch {
		case err != nil:
			return err
		case counts:
			return objectstore.ErrExists
		case there && c.traits.CreateOnly:
			return errTaken
		}
		return c.store.Put(ctx, at, object)
	})
}

// errTaken means that an object cannot be stored, because another one stands in its place.
var errTaken = errors.New("what stands in its place does not count, and is not replaced: remove it there")

// counts reports whether an object that is there would be used.
func (c *Cache) counts(ctx context.Context, at string) (bool, error) {
	if _, bad := c.bad.Load(at); bad {
		return false, nil
	}
	_, from, err := c.open(ctx, at, largestResult, c.ownTrust())
	switch {
	case errors.Is(err, objectstore.ErrAbsent): // it is gone, or does not count
		return false, nil
	case err != nil:
		return false, err
	}
	return true, from.Close()
}

// ownTrust is whose objects count in the tier that is written.
func (c *Cache) ownTrust() envelope.Trust {
	for _, tier := range c.access.Reads {
		if tier.Name == c.access.Writes {
			return tier.Trust
		}
	}
	return envelope.Trust{}
}

// addSet adds a set to the chain of a weak key: at its end, unless it is among those that are looked at.
func (c *Cache) addSet(weak cache.Key, set json.RawMessage) error {
	tier := Tier{c.access.Writes, c.ownTrust()}
	var compact bytes.Buffer
	if err := json.Compact(&compact, set); err != nil {
		return err
	}
	for range lastSets {
		there, bad := false, -1
		n, err := c.walk(context.Background(), tier, weak, func(n int, set json.RawMessage) bool {
			if set == nil && bad < 0 {
				bad = n
			}
			there = bytes.Equal(set, compact.Bytes())
			return !there
		})
		if there || err != nil {
			return err
		}
		if bad >= 0 && !c.traits.CreateOnly {
			n = bad // it is overwritten
		}
		at := name(c.access.Writes, manifests, manifestKey(weak, n))
		object, err := envelope.Seal(envelope.Header{Name: at}, c.access.Secret, envelope.Bytes(cache.Pack(compact.Bytes())))
		if err != nil {
			return err
		}
		if object.Size > largestManifest {
			return fmt.Errorf("the list of its inputs takes more than %d MB", largestManifest>>20)
		}
		if err := c.put(at, object); !errors.Is(err, objectstore.ErrExists) {
			return err
		} // another run was first, perhaps with the same set
	}
	return errors.New("other runs store lists of inputs for it all the time")
}

// search looks for what no result may hold, in what is packed.
func (c *Cache) search(e *cache.Entry) error {
	s := &searcher{needles: c.hide}
	if err := c.local.Contents(context.Background(), e, s); err != nil {
		return err
	}
	if s.look(true); s.found != nil {
		return &holds{whose(e, s.at), s.found.What}
	}
	return nil
}

// whose tells what of an entry is at a place of its contents.
func whose(e *cache.Entry, at int64) string {
	var end int64
	for _, f := range e.Files { // the names come first
		if end += int64(len(f.Path) + len(f.Target) + 2); at < end {
			return "the name of " + f.Path
		}
	}
	end += e.LogSize
	for _, f := range e.Files {
		if at < end {
			break
		}
		if end += f.Size; at < end {
			return f.Path
		}
	}
	return "the log of " + e.Task
}

// Close waits until what was to be stored is, but not longer than 30 s, nor after ctx. What is not stored by
// then is not.
func (c *Cache) Close(ctx context.Context) Done {
	done := make(chan struct{})
	go func() { c.uploads.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(mostAtEnd):
		c.tell(fmt.Sprintf("Shared cache (%s): it is slow: not all new results could be stored within %.0f s", c.traits.Where, mostAtEnd.Seconds()))
	case <-ctx.Done():
	}
	if c.patience.isOver(writing) { // that was told
		c.count(func(d *Done) { d.Unstored = 0 })
	}
	if text := c.patience.faulty(); text != "" {
		c.tell(fmt.Sprintf("Shared cache (%s): %s", c.traits.Where, text))
	}
	c.patience.giveAll()
	return c.soFar()
}
