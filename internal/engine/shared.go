package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/sharedcache"
	"github.com/heapmage/heapmage/memtools"
)

// sharedProbes is how many tasks are looked up at once: they wait for the network, not for processors.
const sharedProbes = 8

// share has results be looked for in the shared cache, and stored there, if there is one.
func (r *run) share() {
	if r.Shared == nil {
		return
	}
	if n, limited := r.sharedLimit(); limited {
		r.Notices = append(r.Notices, n)
	}
	r.results.shared = r.openSharing(r.results.Store(), func(text string) {
		r.sayOnce(event.Notice{Kind: event.SharedUnused, Text: text})
	})
	r.results.Share(r.results.shared)
}

// sharedLimit tells what the shared cache may not be used for, if there is something.
func (p *prepared) sharedLimit() (n event.Notice, limited bool) {
	if p.Shared == nil || p.Shared.Why == "" {
		return n, false
	}
	return event.Notice{Kind: event.SharedCache, Text: fmt.Sprintf("Shared cache (%s): %s", p.Shared.Store.Traits().Where, p.Shared.Why)}, true
}

// openSharing opens the shared cache behind a local one; nil if there is none that may be read.
func (p *prepared) openSharing(local *cache.Store, tell func(string)) *sharedcache.Cache {
	if p.Shared == nil || len(p.Shared.Access.Reads) == 0 {
		return nil
	}
	return sharedcache.Open(sharedcache.Options{Store: p.Shared.Store, Local: local, Access: p.Shared.Access, Hide: p.hidden(), Tell: tell})
}

// hidden are what no result may hold that others get: the paths of this machine, and secrets.
func (p *prepared) hidden() []sharedcache.Hidden {
	var hidden []sharedcache.Hidden
	for _, text := range spellings(p.Workspace.Root, environ.Value(p.Environ, environ.PWD)) {
		hidden = append(hidden, sharedcache.Hidden{Text: text, What: "the path of the workspace", Path: true})
	}
	for _, secret := range p.Shared.Secrets {
		hidden = append(hidden, sharedcache.Hidden{Text: secret, What: "a credential of the shared cache"})
	}
	if home := environ.Value(p.Environ, environ.Home); len(home) >= environ.LeastSecret {
		hidden = append(hidden, sharedcache.Hidden{Text: home, What: "the path of the user's folder", Path: true})
	}
	for _, entry := range p.Environ {
		name, value, _ := strings.Cut(entry, "=")
		if len(value) >= environ.LeastSecret && environ.NamesSecret(name) {
			hidden = append(hidden, sharedcache.Hidden{Text: value, What: "the value of the variable " + name})
		}
	}
	return hidden
}

// reasonsShown is how many reasons are told why results stay on this machine: the most frequent ones.
const reasonsShown = 3

// spellings are the ways in which programs write the path of the workspace: as it is, as in an address, and as
// the shell has it that is in the folder pwd, which may have come there through a link.
func spellings(root, pwd string) []string {
	all := []string{root}
	for dir := pwd; filepath.IsAbs(dir) && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if is, err := filepath.EvalSymlinks(dir); err == nil && is == root {
			all = append(all, dir)
			break
		}
	}
	for _, path := range slices.Clone(all) {
		all = append(all, (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// endSharing waits until new results are stored, and tells what was done.
func (r *run) endSharing(ctx context.Context) {
	if r.results == nil || r.results.shared == nil {
		return
	}
	done := r.results.shared.Close(ctx)
	var parts []string
	add := func(n int, what string, size int64) {
		if n > 0 {
			part := printable.Count(n, "result") + " " + what
			if size > 0 {
				part += fmt.Sprintf(" (%v)", memtools.Bytes(size))
			}
			parts = append(parts, part)
		}
	}
	add(done.Fetched, "fetched", done.FetchedBytes)
	add(done.Stored, "stored", done.StoredBytes)
	reasons := slices.SortedFunc(maps.Keys(done.Withheld), func(a, b string) int {
		return cmp.Or(done.Withheld[b]-done.Withheld[a], strings.Compare(a, b))
	})
	others := 0
	for i, why := range reasons {
		if i < reasonsShown {
			add(done.Withheld[why], "kept on this machine, as "+why, 0)
		} else {
			others += done.Withheld[why]
		}
	}
	add(others, "kept on this machine for other reasons", 0)
	add(done.Unstored, fmt.Sprintf("could not be stored (%s)", done.Why), 0)
	if len(parts) > 0 {
		r.session.Events.Emit(event.Notice{Kind: event.SharedCache, Text: "Shared cache: " + strings.Join(parts, ", ")})
	}
}
