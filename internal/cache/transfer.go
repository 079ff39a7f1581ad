package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/golang/snappy"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/filetree"
)

// Packed is an entry with its blob, as one cache gives it to another.
type Packed struct {
	// Entry is what Import takes, packed.
	Entry []byte
	// BlobSize is the length of the blob, packed as it is, and Blob opens it.
	BlobSize int64
	Blob     func() (io.ReadCloser, error)
}

// Export returns an entry as it is stored. The error is a *Miss.
func (s *Store) Export(e *Entry) (Packed, error) {
	text, err := s.readFile(entries, e.Key.entryFile(), largestEntry+1)
	if err != nil {
		return Packed{}, absent(err)
	}
	h, err := readHeader(text, e.Key)
	if err != nil {
		return Packed{}, miss(Damaged, "", err)
	}
	if h.Digest != e.Sum { // another run has replaced it; its blob is another, too
		return Packed{}, miss(Absent, "", nil)
	}
	open := func() (file *os.File, err error) {
		err = s.in(blobs, func(f *confined.Folder) (err error) {
			file, err = f.OpenFile(blobFile(e.Blob), os.O_RDONLY)
			return err
		})
		return file, err
	}
	file, err := open()
	if err != nil {
		return Packed{}, s.lost(e, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Packed{}, miss(Unreadable, "", err)
	}
	return Packed{Pack(text), info.Size(), func() (io.ReadCloser, error) { return open() }}, nil
}

// mostRatio is how much more than its packed form a blob may hold: Snappy packs no more than 22 bytes into
// one.
const mostRatio = 24

// Import stores what Export has returned in another cache; blob writes the blob. Nothing of it is
// trusted: an entry of another key, one that cannot be one, and a blob that would unpack to more than its
// size allows are refused. The content is verified by Log and Restore, as always. An entry that is there
// stands. The error is that of blob, or a *NotStored.
func (s *Store) Import(ctx context.Context, key Key, entry []byte, blob func(io.Writer) error) error {
	e, text, err := readPacked(key, entry)
	if err == nil && len(e.Local) > 0 {
		err = errors.New("it must not leave the machine that made it")
	}
	if err != nil {
		return notStored(Unsuitable, "", err)
	}
	d, err := s.draft(ctx)
	if err != nil {
		return err
	}
	defer d.close()
	file, err := d.create(blobs)
	if err != nil {
		return Unwritten(err)
	}
	defer file.Close()
	to := &noting{Writer: file}
	if err := blob(to); to.err != nil {
		return Unwritten(to.err)
	} else if err != nil {
		return err // of where it comes from, even if it looks like one of a disk
	}
	packed, err := file.Seek(0, io.SeekCurrent)
	if err = errors.Join(err, file.Close()); err != nil {
		return Unwritten(err)
	}
	if size := e.unpacked(); size > mostRatio*packed+piece {
		return notStored(Unsuitable, "", fmt.Errorf("%d bytes cannot hold the %d that it lists", packed, size))
	}
	_, err = d.add(ctx, e, text, false)
	return err
}

// noting is a writer that notes its error.
type noting struct {
	io.Writer
	err error
}

func (n *noting) Write(p []byte) (int, error) {
	size, err := n.Writer.Write(p)
	if err != nil {
		n.err = err
	}
	return size, err
}

// ReadEntry reads the entry that Export has returned.
func ReadEntry(key Key, packed []byte) (*Entry, error) {
	e, _, err := readPacked(key, packed)
	return e, err
}

// readPacked reads an entry that is not trusted, and its text.
func readPacked(key Key, packed []byte) (*Entry, []byte, error) {
	text, err := Unpack(packed, largestEntry)
	if err != nil {
		return nil, nil, err
	}
	e, err := readEntry(key, text)
	return e, text, err
}

// Contents writes all that an entry holds that can be read: its log, and of its files the names, the content,
// and what links lead to. The error is a *Miss, or about writing.
func (s *Store) Contents(ctx context.Context, e *Entry, to io.Writer) error {
	b, done, err := s.proven(ctx, e, false)
	if err != nil {
		return err
	}
	defer done()
	for _, f := range e.Files {
		if _, err := io.WriteString(to, f.Path+"\n"+f.Target+"\n"); err != nil {
			return err
		}
	}
	return b.read(ctx, false, func(f *filetree.File, from io.Reader) error { return b.copy(to, f, from) })
}

// Pack packs a text, as blobs are packed.
func Pack(text []byte) []byte {
	var packed bytes.Buffer
	w := snappy.NewBufferedWriter(&packed)
	_, _ = w.Write(text) // a buffer takes all
	_ = w.Close()
	return packed.Bytes()
}

// Unpack unpacks what Pack has made, to at most a number of bytes.
func Unpack(packed []byte, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(snappy.NewReader(bytes.NewReader(packed)), most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("it unpacks to more than %d MB", most>>20)
	}
	return text, err
}
