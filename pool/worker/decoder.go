package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// DefaultMaxFrame is how long a frame may be, in bytes, where nobody says
// otherwise: 64 MB.
const DefaultMaxFrame = 64 << 20

// ErrFrameTooLarge is the error of a frame beyond the limit of its receiver.
var ErrFrameTooLarge = errors.New("the frame is too large")

// Decoder reads frames from a stream. It holds no more memory than twice the
// largest frame that it has read, and never more than the limit allows.
type Decoder struct {
	r          io.Reader
	max        int
	buf        []byte
	start, end int // what was read and not yet returned
	err        error
}

// NewDecoder returns a decoder of frames of up to maxFrame bytes. Zero means
// DefaultMaxFrame.
func NewDecoder(r io.Reader, maxFrame int) *Decoder {
	if maxFrame <= 0 {
		maxFrame = DefaultMaxFrame
	}
	return &Decoder{r: r, max: maxFrame, buf: make([]byte, min(4<<10, maxFrame+1))}
}

// Next returns the next frame. Its raw fields are its own. At the end of the
// stream the error is io.EOF, or io.ErrUnexpectedEOF inside a frame; after
// ErrFrameTooLarge or a read error there is no next frame, after ErrMalformed
// there may be one.
func (d *Decoder) Next() (Frame, error) {
	for {
		line, err := d.line()
		if err != nil {
			return Frame{}, err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			// A copy, unless the line has the buffer for itself.
			return Parse(d.own(line))
		}
	}
}

// largeFrame is from where on a frame keeps the buffer that it was read into,
// and the decoder takes a new one: better than to copy it, and than to keep the
// memory of the largest frame for ever.
const largeFrame = 256 << 10

func (d *Decoder) own(line []byte) []byte {
	if len(line) < largeFrame {
		return bytes.Clone(line)
	}
	rest := d.buf[d.start:d.end]
	d.buf = make([]byte, max(largeFrame, len(rest))) // the next may be as large
	d.start, d.end = 0, copy(d.buf, rest)
	return line
}

func (d *Decoder) line() ([]byte, error) {
	for seen := d.start; ; {
		if n := bytes.IndexByte(d.buf[seen:d.end], '\n'); n >= 0 {
			line := d.buf[d.start : seen+n]
			d.start = seen + n + 1
			if len(line) > d.max {
				return nil, d.fail(fmt.Errorf("%w: more than %d bytes", ErrFrameTooLarge, d.max))
			}
			return line, nil
		}
		if d.end-d.start > d.max {
			return nil, d.fail(fmt.Errorf("%w: more than %d bytes", ErrFrameTooLarge, d.max))
		}
		if d.err != nil {
			if errors.Is(d.err, io.EOF) && len(bytes.TrimSpace(d.buf[d.start:d.end])) > 0 {
				d.err = io.ErrUnexpectedEOF
			}
			return nil, d.err
		}
		seen = d.makeRoom(d.end)
		n, err := d.r.Read(d.buf[d.end:])
		d.end += n
		d.err = err
	}
}

func (d *Decoder) fail(err error) error {
	d.err = err
	d.start, d.end, d.buf = 0, 0, nil
	return err
}

// makeRoom makes room behind end, and returns where position at is then.
func (d *Decoder) makeRoom(at int) int {
	if d.start == d.end {
		d.start, d.end = 0, 0
		return 0
	}
	if d.end < len(d.buf) {
		return at
	}
	if d.start > 0 {
		moved := d.start
		d.end = copy(d.buf, d.buf[d.start:d.end])
		d.start = 0
		if d.end < len(d.buf) {
			return at - moved
		}
		at -= moved
	}
	bigger := make([]byte, min(2*len(d.buf), d.max+1))
	copy(bigger, d.buf[:d.end])
	d.buf = bigger
	return at
}
