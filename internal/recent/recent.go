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
	"github.com/heapmage/heapmage/memtools"
)

const (
	// version changes with the form of the texts.
	version = "recent 1 "
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
	add := func(text string) { b = append(binary.AppendUvarint(b, uint64(len(text))), text...) }
	number := func(n int64) { b = binary.AppendVarint(b, n) }
	number(int64(len(inputs)))
	for _, text := range inputs {
		add(text)
	}
	for _, text := range []string{string(e.Key[:]), string(e.Blob[:]), string(e.Log[:]), e.Task, string(e.Data)} {
		add(text)
	}
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
	r := &reader{rest: text}
	inputs, e = make([]string, r.count()), &cache.Entry{}
	for i := range inputs {
		inputs[i] = r.text()
	}
	r.digest((*fingerprint.Digest)(&e.Key))
	r.digest(&e.Blob)
	r.digest(&e.Log)
	e.Task = r.text()
	if data := r.text(); data != "" {
		e.Data = []byte(data)
	}
	e.LogSize, e.Duration, e.Processor, e.Peak = r.number(), time.Duration(r.number()), time.Duration(r.number()), memtools.Bytes(r.number())
	e.Files = make([]filetree.File, r.count())
	for i := range e.Files {
		f := &e.Files[i]
		f.Path, f.Kind, f.Target = r.text(), filetree.Kind(r.text()), r.text()
		r.digest(&f.Digest)
		f.Mode, f.Size = fs.FileMode(r.number()), r.number()
	}
	return inputs, e, !r.bad && r.rest == "" && e.LogSize >= 0 && filetree.Check(e.Files) == nil
}

// reader takes values off a text. It is bad from the first that is not there.
type reader struct {
	rest string
	bad  bool
}

func (r *reader) number() int64 {
	n, size := binary.Varint([]byte(r.rest[:min(len(r.rest), binary.MaxVarintLen64)]))
	if r.bad = r.bad || size <= 0; r.bad {
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// count is a number of things of at least a byte each.
func (r *reader) count() int {
	n := r.number()
	if r.bad = r.bad || n < 0 || n > int64(len(r.rest)); r.bad {
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n, size := binary.Uvarint([]byte(r.rest[:min(len(r.rest), binary.MaxVarintLen64)]))
	if r.bad = r.bad || size <= 0 || n > uint64(len(r.rest)-size); r.bad {
		return ""
	}
	taken := r.rest[size : size+int(n)]
	r.rest = r.rest[size+int(n):]
	return taken
}

func (r *reader) digest(d *fingerprint.Digest) {
	if text := r.text(); len(text) == len(d) {
		copy(d[:], text)
	} else {
		r.bad = true
	}
}
