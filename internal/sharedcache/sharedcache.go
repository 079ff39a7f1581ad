// Package sharedcache finds results in a cache that machines share, and stores new ones there. The local
// cache (package cache) stands in front: what is found is verified and put into it, and used from there
// as if this machine had made it.
//
// The store is not trusted, and never needed: whatever fails there is a miss, and what a run waits for
// that in vain is bounded. docs/caching.md describes what users see, docs/cache-security.md what is
// promised.
package sharedcache

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/objectstore"
	"github.com/heapmage/heapmage/internal/signature"
)

// Access is what a run may do.
type Access struct {
	// Reads are the tiers in which it looks, in this order.
	Reads []Tier
	// Writes is the tier that gets what it makes. Empty means none.
	Writes string
	// Secret signs what is written. None means that nothing is signed.
	Secret signature.Secret
}

// Tier is a part of the store that certain jobs write.
type Tier struct {
	Name  string
	Trust envelope.Trust
}

// The kinds of objects.
const (
	results   = "results"
	manifests = "manifests"
)

// The sets of observed paths of a weak key that are looked at. A package gets another one with each file that
// comes or goes, so the last ones are the likely ones; the first are usually the only ones.
const (
	firstSets, lastSets = 4, 16
	// longest bounds how many there are.
	longest = 1 << 16
)

// largest bounds an object in bytes, packed.
const (
	largestResult   = 8 << 30
	largestManifest = 4 << 20
	largestEntry    = 40 << 20 // what package cache allows, packed
)

// atOnce is how many requests there are at once, beside uploads.
const atOnce = 8

// Cache is the shared cache of a run. Its methods may be called by many goroutines. Close it.
type Cache struct {
	store    objectstore.Store
	traits   objectstore.Traits
	local    *cache.Store
	access   Access
	tell     func(string)
	patience patience
	seats    chan struct{}

	uploads sync.WaitGroup
	queue   chan struct{} // bounds the uploads
	hide    []Hidden

	doubted sync.Once
	bad     sync.Map // names of objects that do not count, though their headers do

	mu  sync.Mutex
	did Done
}

// Done is what became of a run's use of it.
type Done struct {
	// Fetched and Stored are how many results came and went, and the bytes of them, packed.
	Fetched, Stored           int
	FetchedBytes, StoredBytes int64
	// Unstored are results that could not be stored, and Why is why the first could not.
	Unstored int
	Why      string
	// Withheld are those that must not leave this machine, by the reason.
	Withheld map[string]int
}

// Options are those of Open.
type Options struct {
	Store  objectstore.Store
	Local  *cache.Store
	Access Access
	// Hide is what no result may hold.
	Hide []Hidden
	// Tell is told what users should know, in a sentence without credentials. It may be called by any
	// goroutine.
	Tell func(string)
}

// Open begins to use a store. It asks it nothing yet.
func Open(o Options) *Cache {
	return &Cache{store: o.Store, traits: o.Store.Traits(), local: o.Local, access: o.Access, tell: o.Tell, hide: o.Hide,
		seats: make(chan struct{}, atOnce), queue: make(chan struct{}, uploadsAtOnce)}
}

// name is that of an object.
func name(tier, kind, key string) string { return tier + "/" + kind + "/" + key }

// request is a kind of request.
type request struct {
	direction
	most   time.Duration // that it may take
	result bool          // it brings a result, which saves time
}

// The kinds of requests: a small one, for a whole result, and one that stores.
var (
	small    = request{direction: reading, most: soon}
	fetching = request{direction: reading, most: longestFetch, result: true}
	storing  = request{direction: writing, most: mostUpload}
)

// ask does something with the store, as a part of a run. It ends with the run, after a time, or when do
// gives up, even if the store does not: what hangs is left behind. do must not touch what the caller uses
// after that. The errors ErrAbsent and ErrExists are no faults.
func (c *Cache) ask(run context.Context, q request, do func(ctx context.Context, giveUp func(error)) error) error {
	ctx, giveUp, cancel, err := c.patience.begin(run, q.direction, q.most)
	if err != nil {
		return err
	}
	defer cancel()
	select {
	case c.seats <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	began, done := time.Now(), make(chan error, 1)
	go func() {
		defer func() { <-c.seats }()
		done <- do(ctx, giveUp)
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if run.Err() != nil { // it is no fault of the store
		return err
	}
	if text := c.patience.end(q.direction, err, err == nil && q.result, time.Since(began)); text != "" {
		c.tell(fmt.Sprintf("Shared cache (%s): %s", c.traits.Where, text))
	}
	return err
}

// isAnswer reports whether an error is an answer of a store that works, or none of its own.
func isAnswer(err error) bool {
	var local *cache.NotStored
	return err == nil || errors.Is(err, objectstore.ErrAbsent) || errors.Is(err, objectstore.ErrExists) || errors.Is(err, errTaken) || errors.As(err, &local)
}

// soFar is what was done so far.
func (c *Cache) soFar() Done {
	c.mu.Lock()
	defer c.mu.Unlock()
	did := c.did
	did.Withheld = maps.Clone(did.Withheld)
	return did
}

// Withhold counts a result that stays on this machine.
func (c *Cache) Withhold(why string) {
	c.count(func(d *Done) {
		if d.Withheld == nil {
			d.Withheld = map[string]int{}
		}
		d.Withheld[why]++
	})
}

// count changes what was done.
func (c *Cache) count(change func(*Done)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.did)
}
