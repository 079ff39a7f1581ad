package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

// format is the version of all files of the cache.
const format = 2

// largestEntry and largestList bound an entry and a list of manifests, in bytes.
const (
	largestEntry = 32 << 20
	largestList  = 16 << 20
)

// longestHeader bounds the first line of either.
const longestHeader = 4 << 10

// header is the first line of an entry and of a list of manifests. What prunes reads no
// more than this.
type header struct {
	Format int `json:"format"`
	Key    Key `json:"key"`
	// Digest is that of the rest of the file.
	Digest fingerprint.Digest `json:"digest"`
	// Blob and Task are the entry's.
	Blob fingerprint.Digest `json:"blob,omitzero"`
	Task string             `json:"task,omitempty"`
}

// errFormat means that a file is of another version.
var errFormat = errors.New("its format is of another version")

// seal encodes a value under its header, in at most a number of bytes.
func seal(h *header, value any, most int) ([]byte, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	h.Format, h.Digest = format, sha256.Sum256(body)
	first, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if len(first) >= longestHeader {
		return nil, errors.New("the name of the task is too long")
	}
	if len(first)+1+len(body) > most {
		return nil, fmt.Errorf("it has too many files: their list takes more than %d MB", most>>20)
	}
	return append(append(first, '\n'), body...), nil
}

// unseal decodes what seal made for a key.
func unseal(text []byte, key Key, value any) (header, error) {
	h, err := readHeader(text, key)
	if err != nil {
		return h, err
	}
	_, body, _ := bytes.Cut(text, []byte{'\n'})
	if sha256.Sum256(body) != h.Digest {
		return h, errors.New("its digest is wrong")
	}
	return h, json.Unmarshal(body, value)
}

// readHeader reads the first line of a file, which may be all that was read of it.
func readHeader(text []byte, key Key) (header, error) {
	line, _, ok := bytes.Cut(text[:min(len(text), longestHeader+1)], []byte{'\n'})
	if !ok {
		return header{}, errors.New("its header is incomplete")
	}
	var version struct{ Format int }
	if err := json.Unmarshal(line, &version); err != nil {
		return header{}, err
	}
	if version.Format != format {
		return header{}, errFormat
	}
	var h header
	if err := json.Unmarshal(line, &h); err != nil {
		return header{}, err
	}
	if h.Key != key {
		return header{}, errors.New("it belongs to another key")
	}
	return h, nil
}

// readFile reads at most a number of bytes of a file of the cache.
func (s *Store) readFile(folder, name string, most int64) (text []byte, err error) {
	err = s.in(folder, func(f *confined.Folder) (err error) {
		text, err = readFile(f, name, most)
		return err
	})
	return text, err
}

// readFile reads at most a number of bytes of a file.
func readFile(f *confined.Folder, name string, most int64) ([]byte, error) {
	file, err := f.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	text := make([]byte, min(info.Size(), most))
	n, err := io.ReadFull(file, text)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil // it became shorter
	}
	return text[:n], err
}
