package frame

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// DefaultMax is the limit of a frame unless another is set, in bytes: 64 MB.
const DefaultMax = 64 << 20

// Large is the size, in bytes, from which a frame keeps the buffer that it was
// read into, and the decoder takes a new one. Copying it would cost more, and
// so would keeping the memory of the largest frame for ever.
const Large = 256 << 10

// firstBuffer is how much is read at once while frames are small.
const firstBuffer = 4 << 10

// ErrTooLarge is the error of a frame beyond the limit of its receiver.
var ErrTooLarge = errors.New("the frame is too large")

// Decoder reads frames from a stream. It holds at most twice the memory of the
// largest frame that it has read, and never more than the limit allows.
type Decoder struct {
	r          io.Reader
	max        int
	buf        []byte
	start, end int // what was read and not yet returned
	seen       int // how much of that, from start, has no line break
	hint       int // size of the last large frame
	err        error
}

// NewDecoder returns a decoder of frames of up to maxFrame bytes. Zero means
// DefaultMax.
func NewDecoder(r io.Reader, maxFrame int) *Decoder {
	if maxFrame <= 0 {
		maxFrame = DefaultMax
	}
	return &Decoder{r: r, max: maxFrame, buf: make([]byte, min(firstBuffer, maxFrame+1))}
}

// Next returns the next frame. Its raw fields stay valid after further calls.
//
// At the end of the stream the error is io.EOF, or io.ErrUnexpectedEOF inside a
// frame. After ErrTooLarge or a read error every call fails in the same way.
// After ErrMalformed, and after a read error whose method Timeout reports true,
// further frames may come.
func (d *Decoder) Next() (Frame, error) {
	for {
		line, err := d.line()
		if err != nil {
			return Frame{}, err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return Parse(d.own(line))
		}
	}
}

// own returns a copy of line, or line itself if that has the buffer to itself
// from now on.
func (d *Decoder) own(line []byte) []byte {
	if len(line) < Large {
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
				return nil, d.fail(fmt.Errorf("%w: more than %d bytes", ErrTooLarge, d.max))
			}
			return line, nil
		}
		d.seen = d.end - d.start
		if d.seen > d.max {
			return nil, d.fail(fmt.Errorf("%w: more than %d bytes", ErrTooLarge, d.max))
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

// makeRoom makes room after end.
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
	// The next frame may be as large as the last large one.
	bigger := make([]byte, min(max(2*len(d.buf), d.hint), d.max+1))
	copy(bigger, d.buf[:d.end])
	d.buf, d.hint = bigger, 0
}
