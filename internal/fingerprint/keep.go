package fingerprint

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"slices"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/varint"
)

// A kept file is a header, entries, and the checksum of both. An entry of digests is the
// length of its path and the path, its five numbers (all as varints), and the digest.
const (
	header = "heapmage digests 1\n"
	// mostEntries and largest bound what is kept and read.
	mostEntries = 100_000
	largest     = 64 << 20 // bytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// file is where something is kept: a file of a folder, which is named with slashes and
// relative to root.
type file struct{ root, folder, name string }

// Save keeps the digests for later runs. Those that this run used go before others if there
// are too many. If another run saves at the same moment, its digests are kept. An error means
// that the next run computes anew what this one did.
func (d *Digests) Save() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.clock.close(); err != nil || !d.added {
		return err
	}
	if err := d.replace(header, d.write); err != nil {
		return err
	}
	d.added = false
	return nil
}

func (d *Digests) write(w *bufio.Writer) {
	var b []byte
	for _, path := range d.kept() {
		e := d.known[path]
		b = varint.AppendText(b[:0], path)
		b = binary.AppendVarint(b, e.stamp.size)
		b = binary.AppendVarint(b, e.stamp.modified)
		b = binary.AppendVarint(b, e.stamp.changed)
		b = binary.AppendUvarint(b, e.stamp.inode)
		b = binary.AppendUvarint(b, e.stamp.device)
		_, _ = w.Write(append(b, e.digest[:]...)) // Flush returns the first error
	}
}

// replace writes a new file that takes the place of what was kept. It does nothing if
// another run does so at this moment.
func (at file) replace(header string, entries func(*bufio.Writer)) error {
	folder, err := confined.Make(at.root, at.folder)
	if err != nil {
		return err
	}
	defer folder.Close()
	unlock, err := folder.TryLock(at.name + ".lock")
	if errors.Is(err, confined.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	return folder.Replace(at.name, func(f *os.File) error {
		sum := crc32.New(castagnoli)
		w := bufio.NewWriterSize(io.MultiWriter(f, sum), 64<<10)
		_, _ = w.WriteString(header) // Flush returns the first error
		entries(w)
		if err := w.Flush(); err != nil {
			return err
		}
		// It is not synced: after a power cut the checksum tells what is missing.
		_, err := f.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
		return err
	})
}

// kept are the paths whose digests are worth keeping.
func (d *Digests) kept() []string {
	paths := make([]string, 0, len(d.known))
	for path := range d.known {
		paths = append(paths, path)
	}
	if len(paths) <= mostEntries {
		return paths
	}
	slices.SortFunc(paths, func(a, b string) int {
		if used := d.known[a].used; used != d.known[b].used {
			if used {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
	return paths[:mostEntries]
}

// load reads the entries of what was kept. It is nil if that cannot be done.
func (at file) load(header string) []byte {
	folder, err := confined.Open(at.root, at.folder)
	if err != nil {
		return nil
	}
	defer folder.Close()
	f, err := folder.OpenFile(at.name, os.O_RDONLY)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() > largest {
		return nil
	}
	text := make([]byte, info.Size())
	if _, err := io.ReadFull(f, text); err != nil {
		return nil
	}
	return unseal(header, text)
}

// unseal is the text between the header and a checksum that is right; nil if there is none.
func unseal(header string, text []byte) []byte {
	end := len(text) - crc32.Size
	if end < len(header) || !bytes.HasPrefix(text, []byte(header)) ||
		crc32.Checksum(text[:end], castagnoli) != binary.LittleEndian.Uint32(text[end:]) {
		return nil
	}
	return text[len(header):end]
}

// parse reads the entries of digests; those of a damaged text are none.
func parse(text []byte) map[string]entry {
	r := varint.Reader{Rest: text}
	known := make(map[string]entry, len(text)/120)
	for len(r.Rest) > 0 && !r.Bad {
		path := r.Text()
		e := entry{stamp: stamp{size: r.Signed(), modified: r.Signed(), changed: r.Signed(), inode: r.Unsigned(), device: r.Unsigned()}}
		copy(e.digest[:], r.Take(uint64(len(e.digest))))
		known[path] = e
	}
	if r.Bad {
		clear(known)
	}
	return known
}

// openClock makes the file whose times tell the time. It is nil if that cannot be done:
// then nothing is known to be past.
func (d *Digests) openClock() *os.File {
	folder, err := confined.Make(d.root, d.folder)
	if err != nil {
		return nil
	}
	defer folder.Close()
	f, err := folder.OpenFile(d.name+".clock", os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil
	}
	return f
}
