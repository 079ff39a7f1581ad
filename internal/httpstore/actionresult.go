package httpstore

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/heapmage/heapmage/internal/varint"
)

// Bazel's results of actions are messages of Protocol Buffers
// (https://github.com/bazelbuild/remote-apis/blob/main/build/bazel/remote/execution/v2/remote_execution.proto):
//
//	message ActionResult { repeated OutputFile output_files = 2; … }
//	message OutputFile { string path = 1; Digest digest = 2; … }
//	message Digest { string hash = 1; int64 size_bytes = 2; }
//
// Those of an object have one file. A generated codec would cost every user a module for three fields.
const (
	outputFiles = 2
	path        = 1
	fileDigest  = 2
	hash        = 1
	sizeBytes   = 2
)

// objectPath is the path of the file that an object is.
const objectPath = "object"

// longestResult bounds a result that is read, in bytes. Those of an object have about 90.
const longestResult = 4 << 10

// blob is what stands in the server's store of contents.
type blob struct {
	digest string // SHA-256, in lower-case hexadecimal digits
	size   int64  // in bytes
}

// The kinds of values in a message (https://protobuf.dev/programming-guides/encoding/).
const (
	number     = 0
	eightBytes = 1
	text       = 2
	fourBytes  = 5
)

// result is the result whose one file is the blob.
func (b blob) result() []byte {
	digest := appendField(nil, hash, b.digest)
	digest = binary.AppendUvarint(binary.AppendUvarint(digest, sizeBytes<<3|number), uint64(b.size))
	file := appendField(appendField(nil, path, objectPath), fileDigest, string(digest))
	return appendField(nil, outputFiles, string(file))
}

func appendField(to []byte, field uint64, value string) []byte {
	return varint.AppendText(binary.AppendUvarint(to, field<<3|text), value)
}

// readResult finds the blob in a result.
func readResult(message []byte) (blob, error) {
	var files []blob
	err := fields(message, func(field uint64, message []byte, _ uint64) error {
		if field != outputFiles {
			return nil
		}
		name, b, err := readFile(message)
		if name == objectPath {
			files = append(files, b)
		}
		return err
	})
	if err == nil && (len(files) != 1 || files[0].size < 0 || len(files[0].digest) != 64 || strings.ToLower(files[0].digest) != files[0].digest) {
		err = errNoResult
	}
	if err == nil {
		_, err = hex.DecodeString(files[0].digest)
	}
	if err != nil {
		return blob{}, errNoResult
	}
	return files[0], nil
}

// errNoResult is the error of a result that cannot be that of an object.
var errNoResult = errors.New("the server's result of an action is none of heapmage's")

func readFile(message []byte) (name string, b blob, err error) {
	err = fields(message, func(field uint64, value []byte, _ uint64) error {
		switch field {
		case path:
			name = string(value)
		case fileDigest:
			return fields(value, func(field uint64, value []byte, n uint64) error {
				switch field {
				case hash:
					b.digest = string(value)
				case sizeBytes:
					b.size = int64(n) //nolint:gosec // negative ones are refused
				}
				return nil
			})
		}
		return nil
	})
	return name, b, err
}

// fields calls f with each field of a message: with its bytes, or with its number.
func fields(message []byte, f func(field uint64, value []byte, n uint64) error) error {
	r := varint.Reader{Rest: message}
	for len(r.Rest) > 0 && !r.Bad {
		key := r.Unsigned()
		var value []byte
		var n uint64
		switch key & 7 {
		case number:
			n = r.Unsigned()
		case text:
			value = r.Take(r.Unsigned())
		case eightBytes:
			r.Take(8)
		case fourBytes:
			r.Take(4)
		default:
			r.Bad = true
		}
		if r.Bad {
			break
		}
		if err := f(key>>3, value, n); err != nil {
			return err
		}
	}
	if r.Bad {
		return errNoResult
	}
	return nil
}
