// Package frame is the language in which a shim and a guard talk (docs/guard-protocol.md):
// lines of JSON over a Unix socket.
//
// It needs little of the standard library, because a shim is to be at work before the rest
// of its program initialises.
package frame

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Version is the version of the protocol. The first frame of a shim has it.
const Version = 1

// Max is the greatest length of a line, in bytes, without its end.
const Max = 1 << 20

// MaxText is how much of a script's text is sent, in bytes. It tells which tool runs, and
// that stands at its beginning.
const MaxText = 64 << 10

// The frames, and who sends them.
const (
	Ask     = "ask"     // shim: the first one
	Pass    = "pass"    // guard: run without me, and leave no process
	Wait    = "wait"    // guard: nothing yet, but I live
	Run     = "run"     // guard: start the script
	Started = "started" // shim: the script runs
	Signal  = "signal"  // shim: the script was sent a signal, through the shim
	Ended   = "ended"   // shim: the script has ended
	End     = "end"     // guard: end as the script did
	Again   = "again"   // guard: there will be another attempt
)

// Times, which both ends know.
const (
	Heartbeat = time.Second      // between two wait frames
	Silence   = 10 * time.Second // after which a shim that waits does without its guard
	Answer    = 5 * time.Second  // for which a shim waits for the answer to ended
)

// Stdin is what a script reads if it reads its standard input.
type Stdin string

// The kinds of standard input.
const (
	Null     Stdin = "null"     // /dev/null, or none
	Terminal Stdin = "terminal" // a terminal
	File     Stdin = "file"     // a regular file
	AtEnd    Stdin = "ended"    // a pipe or a socket that is at its end
	Open     Stdin = "open"     // anything else
)

// Frame is one line of either side. A frame of a type has some of the fields; the others
// are zero.
type Frame struct {
	Version int    `json:"v,omitempty"` // ask
	Type    string `json:"type"`

	Event  string `json:"event,omitempty"`  // ask: npm_lifecycle_event
	Folder string `json:"folder,omitempty"` // ask: the working folder, without symbolic links
	Text   string `json:"text,omitempty"`   // ask: npm_lifecycle_script, up to MaxText
	Stdin  Stdin  `json:"stdin,omitempty"`  // ask

	NodeOptions string `json:"nodeOptions,omitempty"` // ask: NODE_OPTIONS
	GoMemLimit  string `json:"goMemLimit,omitempty"`  // ask: GOMEMLIMIT

	Set   map[string]string `json:"set,omitempty"`   // run: variables
	Keep  bool              `json:"keep,omitempty"`  // run, pass: what runs below finds the shim
	Shell string            `json:"shell,omitempty"` // run, pass: of the script

	PID int `json:"pid,omitempty"` // started

	Signal int           `json:"signal,omitempty"` // signal, ended
	Code   int           `json:"code,omitempty"`   // ended
	MaxRSS int64         `json:"maxRSS,omitempty"` // ended, in bytes
	User   time.Duration `json:"user,omitempty"`   // ended, in ns
	System time.Duration `json:"system,omitempty"` // ended, in ns
	Read   bool          `json:"read,omitempty"`   // ended: standard input was read, or may have been

	Why string `json:"why,omitempty"` // again
}

// ErrTooLarge is the error of a line that is longer than Max.
var ErrTooLarge = errors.New("the frame is too large")

// Encode returns the line of a frame, with its end.
func Encode(f Frame) ([]byte, error) {
	if len(f.Text) > MaxText {
		f.Text = f.Text[:MaxText]
	}
	line, err := json.Marshal(f)
	if err == nil && len(line) > Max {
		err = ErrTooLarge
	}
	return append(line, '\n'), err
}

// decode reads a line. Fields that it does not know are ignored.
func decode(line []byte) (f Frame, err error) {
	if err := json.Unmarshal(line, &f); err != nil {
		return Frame{}, fmt.Errorf("malformed frame: %w", err)
	}
	return f, nil
}

// Reader reads frames. It holds at most a line.
type Reader struct{ lines *bufio.Scanner }

// NewReader returns a reader of the frames of a stream.
func NewReader(r io.Reader) *Reader {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, Max+1) // with the end of the line
	return &Reader{lines}
}

// Next returns the next frame. At the end of the stream the error is io.EOF. After any error
// the connection is of no use any more.
func (r *Reader) Next() (Frame, error) {
	if r.lines.Scan() {
		return decode(r.lines.Bytes())
	}
	switch err := r.lines.Err(); {
	case err == nil:
		return Frame{}, io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return Frame{}, ErrTooLarge
	default:
		return Frame{}, err
	}
}
