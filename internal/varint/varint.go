// Package varint reads what was written as varints (package encoding/binary), texts and bytes
// of a known number. What is read is not trusted.
package varint

import "encoding/binary"

// AppendText appends a text after its length, as Text reads it.
func AppendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// Reader takes values off the beginning of Rest. It is Bad from the first that is not there;
// all values are zero from then on.
type Reader struct {
	Rest []byte
	Bad  bool
}

// Take takes a number of bytes, which are a part of Rest.
func (r *Reader) Take(n uint64) []byte {
	if r.Bad = r.Bad || n > uint64(len(r.Rest)); r.Bad {
		return nil
	}
	taken := r.Rest[:n]
	r.Rest = r.Rest[n:]
	return taken
}

// Text takes a text after its length.
func (r *Reader) Text() string { return string(r.Take(r.Unsigned())) }

// Count takes the number of things that follow, of at least a byte each.
func (r *Reader) Count() int {
	n := r.Signed()
	if r.Bad = r.Bad || n < 0 || n > int64(len(r.Rest)); r.Bad {
		return 0
	}
	return int(n)
}

// Unsigned takes a number that binary.AppendUvarint wrote.
func (r *Reader) Unsigned() uint64 {
	v, n := binary.Uvarint(r.Rest)
	if !r.skip(n) {
		return 0
	}
	return v
}

// Signed takes a number that binary.AppendVarint wrote.
func (r *Reader) Signed() int64 {
	v, n := binary.Varint(r.Rest)
	if !r.skip(n) {
		return 0
	}
	return v
}

// skip passes over a number of n bytes. It reports whether it is one.
func (r *Reader) skip(n int) bool {
	if r.Bad = r.Bad || n <= 0; !r.Bad {
		r.Rest = r.Rest[n:]
	}
	return !r.Bad
}
