// Package recent keeps, for all tasks of a workspace in one file, the result that each was
// last seen in place with. Most runs find most results so, and to read a list of inputs and
// an entry of the cache for each takes longer than to look at the files themselves.
//
// It is no more than a shortcut: what is not in it is in the cache.
package recent

import (
	"encoding/binary"
	"io/fs"
	"time"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/varint"
	"github.com/heapmage/heapmage/memtools"
)

const (
	// version changes with the form of the texts.
	version = "recent 3 "
	// most and longest bound what of the results is in memory.
	most    = 5000
	longest = 4 << 10 // bytes
)

// Results are those of a workspace, each by its weak key. They may be used by several
// goroutines.
type Results struct{ notes *fingerprint.Notes }

// Open opens what earlier runs kept in a file of a folder, as fingerprint.OpenNotes does.
// format is that of the keys.
func Open(root, folder, name, format string) Results {
	return Results{fingerprint.OpenNotes(root, folder, name, version+format, most)}
}

// Save keeps the results for later runs, as Digests.Save does.
func (r Results) Save() error { return r.notes.Save() }

// Of returns the result that was last in place for a weak key, with the texts that its
// inputs were given as.
func (r Results) Of(weak cache.Key) (inputs []string, e *cache.Entry, ok bool) {
	text, ok := r.notes.Of(fingerprint.Digest(weak))
	if !ok {
		return nil, nil, false
	}
	return decode(text)
}

// Put notes that a result is in place. One with very many inputs or files is left out.
func (r Results) Put(weak cache.Key, inputs []string, e *cache.Entry) {
	text := encode(inputs, e)
	if len(text) > longest {
		text = ""
	}
	if before, _ := r.notes.Of(fingerprint.Digest(weak)); before != text {
		r.notes.Add(fingerprint.Digest(weak), text)
	}
}

// encode writes texts after their lengths, and numbers, as varints.
func encode(inputs []string, e *cache.Entry) string {
	var b []byte
	add := func(text string) { b = varint.AppendText(b, text) }
	number := func(n int64) { b = binary.AppendVarint(b, n) }
	list := func(texts []string) {
		number(int64(len(texts)))
		for _, text := range texts {
			add(text)
		}
	}
	list(inputs)
	for _, text := range []string{string(e.Key[:]), string(e.Sum[:]), string(e.Blob[:]), string(e.Log[:]), e.Task} {
		add(text)
	}
	list(e.Data.Removed)
	list(e.Data.Connections)
	for _, n := range []int64{e.LogSize, int64(e.Duration), int64(e.Processor), int64(e.Peak), int64(len(e.Files))} {
		number(n)
	}
	for _, f := range e.Files {
		for _, text := range []string{f.Path, string(f.Kind), f.Target, string(f.Digest[:])} {
			add(text)
		}
		number(int64(f.Mode))
		number(f.Size)
	}
	return string(b)
}

// decode is the opposite of encode; ok is false for any other text.
func decode(text string) (inputs []string, e *cache.Entry, ok bool) {
	r := &varint.Reader{Rest: []byte(text)}
	inputs, e = readList(r), &cache.Entry{}
	readDigest(r, (*fingerprint.Digest)(&e.Key))
	readDigest(r, &e.Sum)
	readDigest(r, &e.Blob)
	readDigest(r, &e.Log)
	e.Task = r.Text()
	e.Data = cache.Data{Removed: readList(r), Connections: readList(r)}
	e.LogSize, e.Duration, e.Processor, e.Peak = r.Signed(), time.Duration(r.Signed()), time.Duration(r.Signed()), memtools.Bytes(r.Signed())
	e.Files = make([]filetree.File, r.Count())
	for i := range e.Files {
		f := &e.Files[i]
		f.Path, f.Kind, f.Target = r.Text(), filetree.Kind(r.Text()), r.Text()
		readDigest(r, &f.Digest)
		f.Mode, f.Size = fs.FileMode(r.Signed()), r.Signed()
	}
	return inputs, e, !r.Bad && len(r.Rest) == 0 && e.LogSize >= 0 && filetree.Check(e.Files) == nil
}

// readList reads texts; nil are none.
func readList(r *varint.Reader) (texts []string) {
	for range r.Count() {
		texts = append(texts, r.Text())
	}
	return texts
}

func readDigest(r *varint.Reader, d *fingerprint.Digest) {
	text := r.Take(r.Unsigned())
	r.Bad = r.Bad || len(text) != len(d)
	copy(d[:], text)
}
