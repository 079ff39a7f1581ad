// Package envelope is the form of an object of a shared cache: what it is called, its size and its
// digest, and who signed that, in front of what it holds. All of it is checked before anything is
// decoded. docs/cache-format.md describes the bytes.
package envelope

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/objectstore"
	"github.com/heapmage/heapmage/internal/signature"
)

// An object is a Snappy stream: the chunk that begins each, one chunk that readers of Snappy skip, and
// the parts, each of which is a stream of its own.
const (
	streamStart = "\xff\x06\x00\x00sNaPpY"
	skipped     = 0x80 // the type of the chunk that is skipped
)

// format is the version of the header. purpose begins what is signed, so that a signature means
// nothing anywhere else.
const (
	format  = 1
	purpose = "heapmage shared cache object 1\n"
)

// longestHeader bounds the header, in bytes.
const longestHeader = 4 << 10

// Header is what an object tells of itself.
type Header struct {
	Format int `json:"format"`
	// Name is the name of the object.
	Name string `json:"name"`
	// Takes is how long the task ran whose result it is; zero for other objects.
	Takes time.Duration `json:"takes,omitempty"`
	// Parts are what follows, in order.
	Parts []Part `json:"parts"`
	// Key is the ID of the key that signed it, empty if none has.
	Key string `json:"key,omitempty"`
}

// Part is a part of an object.
type Part struct {
	// Size is its length in bytes.
	Size   int64              `json:"size"`
	Digest fingerprint.Digest `json:"digest"`
}

// Size is how many bytes follow the header; negative if that is more than can be counted.
func (h *Header) Size() (size int64) {
	for _, p := range h.Parts {
		if size += p.Size; p.Size < 0 || size < 0 {
			return -1
		}
	}
	return size
}

// Seal makes an object: the header with what it lacks, signed unless the key is none, and the parts.
func Seal(h Header, key signature.Secret, parts ...objectstore.Content) (objectstore.Content, error) {
	h.Format, h.Parts = format, nil
	for _, part := range parts {
		p, err := describe(part)
		if err != nil {
			return objectstore.Content{}, err
		}
		h.Parts = append(h.Parts, p)
	}
	if !key.IsZero() {
		h.Key = key.Public().ID()
	}
	text, err := json.Marshal(h)
	if err != nil {
		return objectstore.Content{}, err
	}
	if !key.IsZero() {
		text = append(text, append([]byte{'\n'}, key.Sign(message(text))...)...)
	}
	if len(text) > longestHeader {
		return objectstore.Content{}, errors.New("its header is too long")
	}
	first := append([]byte(streamStart), skipped, byte(len(text)), byte(len(text)>>8), byte(len(text)>>16))
	all := slices.Concat([]objectstore.Content{Bytes(append(first, text...))}, parts)
	return joined(all), nil
}

// describe reads a part.
func describe(c objectstore.Content) (p Part, err error) {
	from, err := c.Open()
	if err != nil {
		return p, err
	}
	defer from.Close()
	digest := sha256.New()
	if p.Size, err = io.Copy(digest, from); err == nil && p.Size != c.Size {
		err = errors.New("it changed while it was read")
	}
	digest.Sum(p.Digest[:0])
	return p, err
}

func message(header []byte) []byte { return append([]byte(purpose), header...) }

// Bytes is a content in memory.
func Bytes(text []byte) objectstore.Content {
	return objectstore.Content{Size: int64(len(text)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }}
}

// joined is one content after the other.
func joined(parts []objectstore.Content) (all objectstore.Content) {
	for _, part := range parts {
		all.Size += part.Size
	}
	all.Open = func() (io.ReadCloser, error) { return &chain{rest: parts}, nil }
	return all
}

// chain reads one content after the other.
type chain struct {
	rest []objectstore.Content
	now  io.ReadCloser
}

func (c *chain) Read(p []byte) (int, error) {
	for {
		if c.now == nil {
			if len(c.rest) == 0 {
				return 0, io.EOF
			}
			var err error
			if c.now, err = c.rest[0].Open(); err != nil {
				return 0, err
			}
			c.rest = c.rest[1:]
		}
		n, err := c.now.Read(p)
		if errors.Is(err, io.EOF) {
			err = c.now.Close()
			c.now = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (c *chain) Close() error {
	if c.now == nil {
		return nil
	}
	return c.now.Close()
}

// Trust is whose objects count.
type Trust struct {
	// Keys are those of whom objects are trusted.
	Keys []signature.Public
	// Unsigned is set if objects count that nobody signed.
	Unsigned bool
}

// Object is one that is read.
type Object struct {
	Header
	rest io.Reader
	read int // parts
}

// Open reads the header of an object, and no more. The object counts if it has the name, holds at most a
// number of bytes, and is trusted; otherwise the error is why not, in a few words.
func Open(from io.Reader, name string, most int64, trust Trust) (*Object, error) {
	first := make([]byte, len(streamStart)+4)
	if _, err := io.ReadFull(from, first); err != nil {
		return nil, cut(err)
	}
	size := int(first[len(first)-3]) | int(first[len(first)-2])<<8 | int(first[len(first)-1])<<16
	if string(first[:len(streamStart)]) != streamStart || first[len(streamStart)] != skipped || size > longestHeader {
		return nil, errors.New("it is no object of heapmage's")
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(from, text); err != nil {
		return nil, cut(err)
	}
	text, sign, signed := bytes.Cut(text, []byte{'\n'})
	// What nobody has signed is only looked at for its version and its key.
	var said struct {
		Format int
		Key    string
	}
	switch err := json.Unmarshal(text, &said); {
	case err != nil:
		return nil, errors.New("its header cannot be read")
	case said.Format != format:
		return nil, errors.New("it was stored by another version of heapmage")
	case signed != (said.Key != ""):
		return nil, errors.New("its header contradicts itself")
	case !signed && !trust.Unsigned:
		return nil, errors.New("it is not signed")
	case signed:
		if err := trust.check(said.Key, text, sign); err != nil {
			return nil, err
		}
	}
	o := &Object{rest: from}
	switch err := json.Unmarshal(text, &o.Header); {
	case err != nil:
		return nil, errors.New("its header cannot be read")
	case o.Name != name:
		return nil, errors.New("it was stored under another name")
	case o.Size() < 0 || o.Size() > most:
		return nil, fmt.Errorf("it holds more than %d MB", most>>20)
	}
	return o, nil
}

// check checks a signature.
func (t Trust) check(id string, header, sign []byte) error {
	at := slices.IndexFunc(t.Keys, func(k signature.Public) bool { return k.ID() == id })
	switch {
	case at < 0 && t.Unsigned && len(t.Keys) == 0:
		return nil // nobody is asked for a signature
	case at < 0:
		return errors.New("it is signed by a key that is not among the trusted ones")
	case len(sign) != ed25519.SignatureSize || !t.Keys[at].Verify(message(header), sign):
		return errors.New("its signature is wrong")
	}
	return nil
}

// Next writes the next part. It is not to be used before Next has returned: what is damaged is an
// error at the end. Behind the last part the error is io.EOF, unless the object goes on there.
func (o *Object) Next(to io.Writer) error {
	if o.read == len(o.Parts) {
		if n, err := io.ReadFull(o.rest, make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
			return errors.New("it does not end where it should")
		}
		return io.EOF
	}
	part := o.Parts[o.read]
	o.read++
	digest := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, digest), io.LimitReader(o.rest, part.Size))
	switch {
	case err != nil:
		return err
	case n < part.Size:
		return cut(io.ErrUnexpectedEOF)
	case fingerprint.Digest(digest.Sum(nil)) != part.Digest:
		return ErrDamaged
	}
	return nil
}

// ErrDamaged means that the content is not what the header says.
var ErrDamaged = errors.New("its digest is wrong")

// ErrIncomplete means that the object ends where it should go on.
var ErrIncomplete = errors.New("it is incomplete")

// cut is the error of an object that ends too early.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrIncomplete
	}
	return err
}
