package cache

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/memtools"
)

// DefaultMost is how large a cache may become.
const DefaultMost = 10 * memtools.GB

// fresh is the age below which a blob without an entry is kept: on file systems without
// locks its entry may be about to come.
const fresh = time.Minute

// useStep is how exactly it is known when something was last used.
const useStep = time.Hour

// Use marks an entry and the manifests that led to it as used now. That they could not be
// marked only means that they are pruned earlier.
func (s *Store) Use(key, weak Key) {
	now := time.Now()
	for folder, name := range map[string]string{entries: key.entryFile(), manifests: weak.manifestFile()} {
		_ = s.in(folder, func(f *confined.Folder) error { // see above
			info, err := f.Lstat(name)
			if err == nil && info.Mode().IsRegular() && now.Sub(info.ModTime()).Abs() > useStep {
				err = f.Chtimes(name, now, now)
			}
			return err
		})
	}
}

// ahead is how far the times of files may lie in the future: clocks differ.
const ahead = 24 * time.Hour

// age is how long ago something was used. What was used later than can be, as the clock has
// been set back since, is the oldest: its next use sets that right.
func age(used time.Time) time.Duration {
	if a := time.Since(used); a > -ahead {
		return a
	}
	return math.MaxInt64
}

// item is a file of the cache.
type item struct {
	folder, name string
	size         int64
	used         time.Time
	// head is that of an entry which can be read.
	head header
	ok   bool
}

// content is what is in a cache.
type content struct {
	entries, manifests []item
	blobs              map[string]item // by name
}

// list reads what is in the cache. A cache that does not exist is empty.
func (s *Store) list(ctx context.Context) (c content, err error) {
	// Blobs come last: that of each entry is there before the entry.
	if c.entries, err = s.listOf(ctx, entries, "json"); err == nil {
		c.manifests, err = s.listOf(ctx, manifests, "json")
	}
	var all []item
	if err == nil {
		all, err = s.listOf(ctx, blobs, "sz", "zst") // the last is that of format 1
	}
	c.blobs = make(map[string]item, len(all))
	for _, b := range all {
		c.blobs[b.name] = b
	}
	return c, err
}

func (s *Store) listOf(ctx context.Context, folder string, endings ...string) (all []item, err error) {
	f, err := s.open(folder)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := fs.ReadDir(f.FS(), ".")
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var key Key
		hex, ending, _ := strings.Cut(e.Name(), ".")
		if !slices.Contains(endings, ending) || key.UnmarshalText([]byte(hex)) != nil {
			continue // it is not ours
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // it is gone, or not ours
		}
		i := item{folder: folder, name: e.Name(), size: info.Size(), used: info.ModTime()}
		if folder == entries {
			text, err := readFile(f, e.Name(), longestHeader+1)
			if err != nil {
				continue // it is gone, or may not be read
			}
			i.head, err = readHeader(text, key)
			i.ok = err == nil
		}
		all = append(all, i)
	}
	return all, nil
}

// Pruned is what Prune removed.
type Pruned struct {
	// Entries are those that were used least recently, and those that are of no use.
	Entries int
	Bytes   memtools.Bytes
}

// Prune removes what was not used for longest, until the cache takes at most a number of
// bytes (zero means DefaultMost), and what is of no use: blobs without entries, entries
// without blobs or of another version, and what killed processes left. It reads a piece of
// each entry. A running Put loses nothing.
func (s *Store) Prune(ctx context.Context, most memtools.Bytes) (Pruned, error) {
	if most == 0 {
		most = DefaultMost
	}
	folder, err := s.open("")
	if missing(err) {
		return Pruned{}, nil
	}
	if err != nil {
		return Pruned{}, err
	}
	defer folder.Close()
	c, err := s.list(ctx)
	if err != nil {
		return Pruned{}, err
	}
	unlock, err := s.lock(ctx, folder)
	if err != nil {
		return Pruned{}, Unwritten(err)
	}
	defer unlock()
	pruneDrafts(folder)
	var result Pruned
	needed := map[string]bool{} // the blobs of entries that came or were used meanwhile
	for _, i := range c.excess(int64(most)) {
		blob := blobFile(i.head.Blob)
		if _, there := c.blobs[blob]; i.ok && !there {
			_, err := folder.Lstat(blobs + "/" + blob)
			needed[i.name] = err == nil
		}
		if needed[i.name] {
			continue
		}
		removed, err := i.remove(folder)
		if err != nil {
			return result, Unwritten(err)
		}
		needed[blob] = needed[blob] || i.ok && !removed
		if removed {
			result.Bytes += memtools.Bytes(i.size)
			if i.folder == entries {
				result.Entries++
			}
		}
	}
	return result, nil
}

// excess returns what has to go, entries before their blobs.
func (c content) excess(most int64) (gone []item) {
	users := map[string]int{} // of each blob
	var kept []item
	var size int64
	for _, e := range c.entries {
		if _, there := c.blobs[blobFile(e.head.Blob)]; !e.ok || !there {
			gone = append(gone, e)
			continue
		}
		users[blobFile(e.head.Blob)]++
		kept = append(kept, e)
		size += e.size
	}
	for _, m := range c.manifests {
		kept = append(kept, m)
		size += m.size
	}
	for name, b := range c.blobs {
		if users[name] == 0 && age(b.used) > fresh {
			gone = append(gone, b)
		} else {
			size += b.size
		}
	}
	slices.SortFunc(kept, func(a, b item) int { return cmp.Compare(age(b.used), age(a.used)) })
	for _, i := range kept {
		if size <= most {
			break
		}
		gone = append(gone, i)
		size -= i.size
		if i.folder != entries {
			continue
		}
		blob := c.blobs[blobFile(i.head.Blob)]
		if users[blob.name]--; users[blob.name] == 0 {
			gone = append(gone, blob)
			size -= blob.size
		}
	}
	return gone
}

// remove removes the file, unless it was replaced or used since it was listed.
func (i item) remove(cache *confined.Folder) (removed bool, err error) {
	f, err := cache.Sub(i.folder)
	if err == nil {
		defer f.Close()
		var info fs.FileInfo
		if info, err = f.Lstat(i.name); err == nil && !info.ModTime().Equal(i.used) {
			return false, nil
		}
	}
	if err == nil {
		err = f.Remove(i.name)
	}
	if missing(err) {
		return false, nil
	}
	return err == nil, err
}

// Stats is what is in a cache.
type Stats struct {
	// Entries are the results, and Tasks how many tasks they are of.
	Entries, Tasks int
	// Bytes is what all files take.
	Bytes memtools.Bytes
	// Oldest and Newest are the last use of the entry that was used first, and last. They
	// are zero if there are none.
	Oldest, Newest time.Time
}

// Stats reads what is in the cache. It changes nothing.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	c, err := s.list(ctx)
	if err != nil {
		return Stats{}, err
	}
	var result Stats
	tasks := map[string]bool{}
	for _, e := range c.entries {
		result.Bytes += memtools.Bytes(e.size)
		if !e.ok {
			continue
		}
		result.Entries++
		tasks[e.head.Task] = true
		if result.Oldest.IsZero() || e.used.Before(result.Oldest) {
			result.Oldest = e.used
		}
		if e.used.After(result.Newest) {
			result.Newest = e.used
		}
	}
	for _, i := range slices.Concat(c.manifests, slices.Collect(maps.Values(c.blobs))) {
		result.Bytes += memtools.Bytes(i.size)
	}
	result.Tasks = len(tasks)
	return result, nil
}

// Fault is an entry that Check found to be no use.
type Fault struct {
	Key  Key
	Task string
	// Miss tells why.
	Miss *Miss
}

// Check verifies all entries and blobs, byte by byte, and removes what is damaged.
func (s *Store) Check(ctx context.Context) (checked int, faults []Fault, err error) {
	c, err := s.list(ctx)
	if err != nil {
		return 0, nil, err
	}
	for _, i := range c.entries {
		err := s.checkEntry(ctx, i)
		var m *Miss
		switch {
		case err == nil:
		case !errors.As(err, &m):
			return checked, faults, err
		case m.Why == Absent || m.Why == OtherFormat:
			continue // it was pruned meanwhile, or is not ours to judge
		default:
			faults = append(faults, Fault{i.key(), i.head.Task, m})
		}
		checked++
	}
	return checked, faults, nil
}

// key is that of an entry.
func (i item) key() (k Key) {
	_ = k.UnmarshalText([]byte(strings.TrimSuffix(i.name, ".json"))) // list has checked it
	return k
}

func (s *Store) checkEntry(ctx context.Context, i item) error {
	e, err := s.load(i.key())
	if err != nil {
		return err
	}
	_, done, err := s.proven(ctx, e, false)
	if err != nil {
		return err
	}
	done()
	return nil
}
