package cache

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"slices"

	"github.com/golang/snappy"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/objectstore"
)

// magic begins the packed stream. The log and the contents of the files follow, in the
// order of the entry and with nothing between them: the entry has their sizes.
const magic = "heapmage blob 1\n"

// piece is how much is copied at once, in bytes.
const piece = 64 << 10

// packer compresses and digests a stream.
type packer struct {
	ctx    context.Context
	packed *snappy.Writer
	digest hash.Hash
	buffer []byte
}

func newPacker(ctx context.Context, to io.Writer) (*packer, error) {
	p := &packer{ctx, snappy.NewBufferedWriter(to), sha256.New(), make([]byte, piece)}
	return p, p.write([]byte(magic))
}

func (p *packer) write(b []byte) error {
	p.digest.Write(b)
	if _, err := p.packed.Write(b); err != nil {
		return Unwritten(err)
	}
	return nil
}

// add packs what a reader has left, and tells its size and digest.
func (p *packer) add(from io.Reader) (size int64, sum fingerprint.Digest, err error) {
	digest := sha256.New()
	for {
		if p.ctx.Err() != nil {
			return size, sum, notStored(Stopped, "", context.Cause(p.ctx))
		}
		n, err := from.Read(p.buffer)
		digest.Write(p.buffer[:n])
		if err := p.write(p.buffer[:n]); err != nil {
			return size, sum, err
		}
		size += int64(n)
		if errors.Is(err, io.EOF) {
			digest.Sum(sum[:0])
			return size, sum, nil
		}
		if err != nil {
			return size, sum, err
		}
	}
}

// close ends the stream and returns its digest.
func (p *packer) close() (sum fingerprint.Digest, err error) {
	if err := p.packed.Close(); err != nil {
		return sum, Unwritten(err)
	}
	p.digest.Sum(sum[:0])
	return sum, nil
}

// small is the size of the content up to which a blob is unpacked once, into memory. A
// larger one is unpacked twice: to verify it, and to use it.
const small = 1 << 20

// blob is a blob that is read.
type blob struct {
	*coder
	file     *os.File
	entry    *Entry
	size     int64  // of the content, by the entry
	unpacked []byte // all of it, if it is small and was read
}

// coder is what reading a blob takes, which serves the next one: its buffers take more to make than
// a small blob to unpack. The zero value is ready for use.
type coder struct {
	packed  *bufio.Reader
	decoder *snappy.Reader
	buffer  []byte
	small   []byte // the content of a small blob
}

// open has the decoder read what is packed in a file, which may be nil.
func (c *coder) open(file io.Reader) {
	if c.decoder == nil {
		c.packed, c.decoder, c.buffer = bufio.NewReaderSize(nil, piece/4), snappy.NewReader(nil), make([]byte, piece)
	}
	c.packed.Reset(file)
	c.decoder.Reset(c.packed)
}

// unpack calls use with what is packed in the blob.
func (b *blob) unpack(use func(io.Reader) error) error {
	if b.unpacked != nil {
		return use(bytes.NewReader(b.unpacked))
	}
	b.open(io.NewSectionReader(b.file, 0, math.MaxInt64))
	if b.size > small {
		return use(b.decoder)
	}
	b.small = slices.Grow(b.small[:0], int(b.size)+1)[:b.size+1] // one byte more: it must end there
	n, err := io.ReadFull(b.decoder, b.small)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	b.unpacked = b.small[:n]
	return use(bytes.NewReader(b.unpacked))
}

// unpacked is the size of the content of the entry's blob, in bytes.
func (e *Entry) unpacked() int64 {
	size := int64(len(magic)) + e.LogSize
	for _, f := range e.Files {
		size += f.Size
	}
	if size < 0 { // nothing is as large as that; what is read ends before
		return math.MaxInt64
	}
	return size
}

// openBlob opens the blob of an entry.
func (s *Store) openBlob(e *Entry, with *coder) (*blob, error) {
	b := &blob{coder: with, entry: e, size: e.unpacked()}
	err := s.in(blobs, func(f *confined.Folder) (err error) {
		b.file, err = f.OpenFile(blobFile(e.Blob), os.O_RDONLY)
		return err
	})
	if err != nil {
		return nil, s.lost(e, err)
	}
	return b, nil
}

// lost is the miss of an entry whose blob cannot be opened.
func (s *Store) lost(e *Entry, err error) error {
	if !missing(err) && !errors.Is(err, confined.ErrLink) && !errors.Is(err, confined.ErrNotFile) {
		return miss(Unreadable, "", err)
	}
	s.remove(entries, e.Key.entryFile())
	return miss(Lost, "", err)
}

// read reads the blob from its start: the log, for which f is nil, then each file in
// order. take is given the content of each; it may leave any of it unread, and verifies
// what it uses.
func (b *blob) read(ctx context.Context, logOnly bool, take func(f *filetree.File, from io.Reader) error) error {
	return b.unpack(func(from io.Reader) error { return b.parts(objectstore.Stoppable(ctx, from), logOnly, take) })
}

// parts is read for what is unpacked.
func (b *blob) parts(stream io.Reader, logOnly bool, take func(f *filetree.File, from io.Reader) error) error {
	first := make([]byte, len(magic))
	if _, err := io.ReadFull(stream, first); err != nil {
		return err
	}
	if string(first) != magic {
		return errors.New("it is no blob")
	}
	next := func(f *filetree.File, size int64) error {
		part := &io.LimitedReader{R: stream, N: size}
		if err := take(f, part); err != nil {
			return err
		}
		_, err := io.CopyBuffer(onlyWriter{io.Discard}, part, b.buffer)
		if err == nil && part.N > 0 {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if err := next(nil, b.entry.LogSize); err != nil || logOnly {
		return err
	}
	for i := range b.entry.Files {
		f := &b.entry.Files[i]
		if f.Kind != filetree.Regular {
			continue
		}
		if err := next(f, f.Size); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	if n, err := stream.Read(first[:1]); n > 0 || !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("it does not end where it should"), err)
	}
	return nil
}

// verify reads all of the blob, or its log, and checks each digest. They cover every byte,
// so that of the whole is not needed.
func (b *blob) verify(ctx context.Context, logOnly bool) error {
	return b.read(ctx, logOnly, func(f *filetree.File, from io.Reader) error { return b.copy(io.Discard, f, from) })
}

// copy copies the content of a file, or of the log if f is nil. If it is not the one that
// was stored, there is an error at the end.
func (b *blob) copy(to io.Writer, f *filetree.File, from io.Reader) error {
	want, size := b.entry.Log, b.entry.LogSize
	if f != nil {
		want, size = f.Digest, f.Size
	}
	digest := sha256.New()
	n, err := io.CopyBuffer(onlyWriter{io.MultiWriter(digest, to)}, from, b.buffer)
	if err == nil && (n != size || fingerprint.Digest(digest.Sum(nil)) != want) {
		err = errors.New("a digest is wrong")
	}
	return err
}

// proven opens the blob of an entry, and verifies it or its log. Call done at the end.
func (s *Store) proven(ctx context.Context, e *Entry, logOnly bool) (b *blob, done func(), err error) {
	with, release, err := s.take(ctx)
	if err != nil {
		return nil, nil, err
	}
	if b, err = s.openBlob(e, with); err != nil {
		release()
		return nil, nil, err
	}
	done = func() {
		_ = b.file.Close() // it was only read
		with.open(nil)     // it must not hold the file
		release()
	}
	if err := b.verify(ctx, logOnly); err != nil {
		done()
		return nil, nil, s.damaged(ctx, e, err)
	}
	return b, done, nil
}

// damaged is the miss of an entry whose blob could not be verified. Both are removed,
// unless it was the reading that failed.
func (s *Store) damaged(ctx context.Context, e *Entry, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if isIO(err) {
		return miss(Unreadable, "", err)
	}
	s.remove(entries, e.Key.entryFile())
	s.remove(blobs, blobFile(e.Blob))
	return miss(Damaged, "", err)
}

// onlyWriter hides ReadFrom, so that io.CopyBuffer uses the buffer.
type onlyWriter struct{ io.Writer }
