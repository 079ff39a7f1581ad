package report

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/heapmage/heapmage/memtools"
)

// tail reads the last most bytes of a file, without a partial line at the beginning if
// that leaves anything. earlier is the size of what comes before.
func tail(path string, most memtools.Bytes) (text []byte, earlier memtools.Bytes, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	earlier = max(0, memtools.Bytes(info.Size())-most)
	text, err = io.ReadAll(io.NewSectionReader(f, int64(earlier), int64(most)))
	if err != nil {
		return nil, 0, err
	}
	if cut := bytes.IndexByte(text, '\n') + 1; earlier > 0 && cut > 0 && cut < len(text) {
		text, earlier = text[cut:], earlier+memtools.Bytes(cut)
	}
	return text, earlier, nil
}
