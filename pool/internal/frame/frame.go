// Package frame is the protocol between a pool and its workers: messages that
// are lines of JSON. docs/worker-protocol.md describes it for other languages.
// A frame that arrives is checked whole before anything of it is used, and a
// decoder never holds more than its limit allows.
package frame

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/heapmage/heapmage/internal/environ"
)

// Version is the version of the protocol that this package speaks.
const Version = 1

// The variables of a worker's environment.
const (
	// FDEnv holds the descriptor of the channel. A program that finds it set is a
	// worker.
	FDEnv = environ.PoolFD
	// VersionEnv holds the newest version that the pool speaks.
	VersionEnv = environ.PoolVersion
)

// Kind is what a frame is for.
type Kind string

// The kinds of frames. A receiver ignores kinds that it does not know.
const (
	Ready  Kind = "ready"  // a worker's first frame: it takes tasks from now on
	Task   Kind = "task"   // one task for a worker; the next comes after its answer
	Cancel Kind = "cancel" // the answer is not awaited any more; it must still come
	Result Kind = "result" // answers a task that succeeded
	Failed Kind = "error"  // answers a task that failed
)

// Frame is one message, a line of JSON. Kind decides which fields it has.
type Frame struct {
	V      int             // version that a worker speaks, in Ready
	Kind   Kind            // in every frame
	ID     uint64          // number of the task, from 1, in all frames but Ready
	Type   string          // type of the task, in Task
	Data   json.RawMessage // data of the task, in Task; nil is null
	Result json.RawMessage // in Result; nil is null
	Error  string          // message of a Failed
	Detail json.RawMessage // more about a Failed, such as a stack; may be nil
}

// Append appends f as one line to dst. Its raw fields must be valid JSON
// without a line break, as json.Marshal makes it.
func (f Frame) Append(dst []byte) []byte {
	dst = append(dst, `{"kind":"`...)
	dst = append(dst, f.Kind...)
	dst = append(dst, '"')
	if f.V != 0 {
		dst = append(dst, `,"v":`...)
		dst = strconv.AppendInt(dst, int64(f.V), 10)
	}
	if f.ID != 0 {
		dst = append(dst, `,"id":`...)
		dst = strconv.AppendUint(dst, f.ID, 10)
	}
	for _, s := range []struct{ name, value string }{{"type", f.Type}, {"error", f.Error}} {
		if s.value == "" {
			continue
		}
		quoted, _ := json.Marshal(s.value) // a string never fails
		dst = append(append(append(dst, `,"`...), s.name...), `":`...)
		dst = append(dst, quoted...)
	}
	for _, r := range []struct {
		name string
		raw  json.RawMessage
	}{{"data", f.Data}, {"result", f.Result}, {"detail", f.Detail}} {
		if len(r.raw) == 0 {
			continue
		}
		dst = append(append(append(dst, `,"`...), r.name...), `":`...)
		dst = append(dst, r.raw...)
	}
	return append(dst, '}', '\n')
}

// ErrMalformed is the error of a line that is not a frame.
var ErrMalformed = errors.New("not a frame of the worker protocol")

// Parse reads one line, with or without its line break. It ignores unknown
// fields; of two fields with the same name the last counts. The raw fields of
// the frame are parts of line. The error wraps ErrMalformed.
func Parse(line []byte) (Frame, error) {
	s := scanner{in: bytes.TrimSpace(line)}
	f, err := s.frame()
	if err != nil {
		return Frame{}, fmt.Errorf("%w: %w: %q", ErrMalformed, err, excerpt(line))
	}
	return f, nil
}

// excerpt is enough of line to find out who wrote it.
func excerpt(line []byte) []byte {
	if len(line) > 80 {
		return append(line[:80:80], "..."...)
	}
	return line
}
