// Package fingerprint tells what files are now, as values that can be compared and kept:
// the digest of a content, a type with permissions, the target of a link, the names of a
// folder.
//
// A digest is computed once. It is known as long as size, times, inode and device of the
// file are what they were, which costs one lstat. It is not known yet if the file could
// have changed since without that being seen, because its times are as young as the
// reading (git calls such entries racy). Windows tells neither ctime nor inode: there a
// change that keeps size and mtime goes unnoticed.
package fingerprint

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/heapmage/heapmage/internal/varint"
)

// Digest is a SHA-256. The zero value is that of nothing.
type Digest [sha256.Size]byte

// String is the digest in hexadecimal digits.
func (d Digest) String() string {
	var text [2 * len(d)]byte // EncodeToString makes two of these, on the heap
	hex.Encode(text[:], d[:])
	return string(text[:])
}

// MarshalText is for JSON.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads 64 hexadecimal digits in lower case.
func (d *Digest) UnmarshalText(text []byte) error {
	var sum Digest
	if n, err := hex.Decode(sum[:], text[:min(len(text), 2*len(sum))]); err != nil || n < len(sum) || sum.String() != string(text) {
		return errors.New("it is not a digest of 64 hexadecimal digits")
	}
	*d = sum
	return nil
}

// Sum is the digest of a list of texts. Lists that differ in any way, also in where one
// text ends, have different digests.
func Sum(parts ...string) Digest { return SumOf(slices.Values(parts)) }

// SumOf is Sum of a sequence.
func SumOf(parts iter.Seq[string]) Digest {
	buffer := sums.Get().(*[]byte)
	defer sums.Put(buffer)
	b := (*buffer)[:0]
	for p := range parts {
		b = varint.AppendText(b, p)
	}
	*buffer = b
	return sha256.Sum256(b)
}

var sums = sync.Pool{New: func() any { return new([]byte) }}
