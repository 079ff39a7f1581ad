package reuse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/git"
	"github.com/heapmage/heapmage/internal/inputs"
	"github.com/heapmage/heapmage/internal/pathrole"
	"github.com/heapmage/heapmage/internal/sharedcache"
)

// Share has results be looked for in a cache that machines share, and new ones be stored there. Call it
// before anything else.
func (r *Results) Share(c *sharedcache.Cache) { r.shared = c }

// Store is the local cache, in front of a shared one.
func (r *Results) Store() *cache.Store { return r.cache }

// lookShared is look in the shared cache. tried are the results that were tried already.
func (r *Results) lookShared(ctx context.Context, t *Task, weak cache.Key, tried map[cache.Key]bool) (hit *Hit, reason string, err error) {
	if r.shared == nil {
		return nil, "", nil
	}
	for text := range r.shared.Sets(ctx, weak) {
		set, err := inputs.Parse(text)
		if err != nil {
			continue
		}
		known := r.now(t, set)
		key := inputs.Strong(weak, known)
		e, missing := r.cache.Get(key)
		if missing == nil && tried[key] {
			continue
		} // another run may have fetched it just now, or was killed when it had
		tried[key] = true
		fetched := missing != nil && r.shared.Fetch(ctx, key)
		if fetched {
			e, missing = r.cache.Get(key)
		}
		if missing != nil {
			continue
		}
		if why := r.astray(ctx, t, e); why != "" {
			if fetched {
				r.cache.Forget(key)
			}
			reason = why
			continue
		}
		if why := r.amongStrangers(e); why != "" {
			reason = why
			continue
		}
		hit, why, err := r.fetch(ctx, t, weak, key, known, nil)
		if hit != nil {
			hit.Shared = true
			_ = r.cache.AddManifest(ctx, weak, text) // the next run asks again
		}
		if hit != nil || err != nil {
			return hit, why, err
		}
		reason = why
	}
	return nil, reason, nil
}

// sets are the sets of observed paths of a weak key, those of this machine first.
func (r *Results) sets(ctx context.Context, weak cache.Key) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		own, _ := r.cache.Manifests(weak) // without them there may still be shared ones
		if slices.ContainsFunc(own, func(set json.RawMessage) bool { return !yield(set) }) {
			return
		}
		if r.shared != nil {
			r.shared.Sets(ctx, weak)(func(set json.RawMessage) bool {
				return slices.ContainsFunc(own, func(o json.RawMessage) bool { return bytes.Equal(o, set) }) || yield(set)
			})
		}
	}
}

// entry is what is known of a result: here, or else in the shared cache. The error is a *cache.Miss, or tells why
// that of the shared cache is not used.
func (r *Results) entry(ctx context.Context, key cache.Key) (*cache.Entry, error) {
	e, err := r.cache.Get(key)
	if err != nil && r.shared != nil {
		if other := r.shared.Entry(ctx, key); other != nil {
			if why := r.amongStrangers(other); why != "" {
				return nil, errors.New(why)
			}
			return other, nil
		}
	}
	return e, err
}

// astray is why an entry that another machine has made is not used, or one of this machine is of no use to
// others; empty if it may be: what it would put where no task of the package writes. It must be in the
// task's own package, or ignored by Git, and never in a package that is installed.
func (r *Results) astray(ctx context.Context, t *Task, e *cache.Entry) string {
	if e.Task != t.ID {
		return "it is the result of another task"
	}
	for _, path := range e.Data.Removed {
		if _, made := r.owners.Below(t.Upstream, path); !made {
			return fmt.Sprintf("it would remove %s, which no task before it makes", path)
		}
	}
	var elsewhere []string
	for _, f := range e.Files {
		if pathrole.IsInstalled(f.Path) {
			if _, _, ok := t.installed(r.abs(f.Path)); ok && pathrole.InstalledName(f.Path) != "" {
				return fmt.Sprintf("it would change the installed package of %s", f.Path)
			}
		}
		if f.Kind != filetree.Folder && t.Folder != "." && f.Path != t.Folder && !strings.HasPrefix(f.Path, t.Folder+"/") {
			elsewhere = append(elsewhere, f.Path)
		}
	}
	ignored := git.Ignored(ctx, r.root, elsewhere)
	if at := slices.IndexFunc(elsewhere, func(p string) bool { return !ignored[p] }); at >= 0 {
		return fmt.Sprintf("it would write %s, outside of its package, where Git does not ignore it", elsewhere[at])
	}
	return ""
}

// amongStrangers is why an entry that another machine has made is not used here: a file in a folder that the task
// made, which neither it nor another task is known to have left. It may come from a build before .heapmage
// was removed, or without heapmage: whether the task would leave it, only a run can tell. It is empty if there is
// none.
func (r *Results) amongStrangers(e *cache.Entry) string {
	for path := range filetree.Beside(r.root, e.Files) {
		if !pathrole.Unseen(path) && len(r.owners.Of(path)) == 0 {
			return path + " is there, and it is not known which task made it"
		}
	}
	return ""
}

// offer stores a result in the shared cache.
func (r *Results) offer(ctx context.Context, t *Task, e *cache.Entry, weak cache.Key, set []byte) {
	if r.shared == nil || !r.shared.Writes() {
		return
	}
	if why := r.astray(ctx, t, e); why != "" {
		r.shared.Withhold(why) // nobody would use it
		return
	}
	r.shared.Store(e, weak, set)
}
