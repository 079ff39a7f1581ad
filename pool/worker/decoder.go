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
	seen       int // of that, from start, what has no end of line
	hint       int // the size of the last large frame
	err        error
}

// firstBuffer is how much is read at once while frames are small.
const firstBuffer = 4 << 10

// NewDecoder returns a decoder of frames of up to maxFrame bytes. Zero means
// DefaultMaxFrame.
func NewDecoder(r io.Reader, maxFrame int) *Decoder {
	if maxFrame <= 0 {
		maxFrame = DefaultMaxFrame
	}
	return &Decoder{r: r, max: maxFrame, buf: make([]byte, min(firstBuffer, maxFrame+1))}
}

// Next returns the next frame. Its raw fields are its own. At the end of the
// stream the error is io.EOF, or io.ErrUnexpectedEOF inside a frame; after
// ErrFrameTooLarge or a read error there is no next frame, after ErrMalformed
// there may be one. So may there after a read that timed out, an error with the
// method Timeout.
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
	d.buf = make([]byte, max(firstBuffer, len(rest)))
	d.start, d.end, d.hint = 0, copy(d.buf, rest), len(line)+firstBuffer
	return line
}

func (d *Decoder) line() ([]byte, error) {
	for {
		if n := bytes.IndexByte(d.buf[d.start+d.seen:d.end], '\n'); n >= 0 {
			line := d.buf[d.start : d.start+d.seen+n]
			d.start, d.seen = d.start+len(line)+1, 0
			if len(line) > d.max {
				return nil, d.fail(fmt.Errorf("%w: more than %d bytes", ErrFrameTooLarge, d.max))
			}
			return line, nil
		}
		d.seen = d.end - d.start
		if d.seen > d.max {
			return nil, d.fail(fmt.Errorf("%w: more than %d bytes", ErrFrameTooLarge, d.max))
		}
		if d.err != nil {
			if errors.Is(d.err, io.EOF) && len(bytes.TrimSpace(d.buf[d.start:d.end])) > 0 {
				d.err = io.ErrUnexpectedEOF
			}
			return nil, d.err
		}
		d.makeRoom()
		n, err := d.r.Read(d.buf[d.end:])
		d.end += n
		if t, ok := err.(interface{ Timeout() bool }); ok && n == 0 && t.Timeout() {
			return nil, err
		}
		d.err = err
	}
}

func (d *Decoder) fail(err error) error {
	d.err = err
	d.start, d.end, d.seen, d.buf = 0, 0, 0, nil
	return err
}

// makeRoom makes room behind end.
func (d *Decoder) makeRoom() {
	if d.start == d.end {
		d.start, d.end = 0, 0
		return
	}
	if d.end < len(d.buf) {
		return
	}
	if d.start > 0 {
		d.end = copy(d.buf, d.buf[d.start:d.end])
		d.start = 0
		return
	}
	// One that is as large as the last may follow it.
	bigger := make([]byte, min(max(2*len(d.buf), d.hint), d.max+1))
	copy(bigger, d.buf[:d.end])
	d.buf, d.hint = bigger, 0
}
