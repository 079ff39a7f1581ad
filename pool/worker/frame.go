package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Version is the version of the protocol that this package speaks. See
// docs/worker-protocol.md.
const Version = 1

// The environment of a worker.
const (
	// FDEnv holds the number of the descriptor of the channel. A program that
	// finds it set is a worker.
	FDEnv = "HEAPMAGE_POOL_FD"
	// VersionEnv holds the newest version that the pool speaks.
	VersionEnv = "HEAPMAGE_POOL_VERSION"
)

// Kind says what a frame is.
type Kind string

// The kinds of frames. A receiver ignores kinds that it does not know.
const (
	// Ready is the first frame of a worker: it takes tasks from now on.
	Ready Kind = "ready"
	// Task gives a worker one task. The next comes after its answer.
	Task Kind = "task"
	// Cancel says that nobody waits for a task's answer any more. The worker
	// answers all the same, as soon as it can.
	Cancel Kind = "cancel"
	// Result answers a task that succeeded.
	Result Kind = "result"
	// Failed answers a task that failed.
	Failed Kind = "error"
)

// Frame is one message, a line of JSON. Which fields it has depends on Kind.
type Frame struct {
	// V is the version that a worker speaks, in Ready.
	V int `json:"v,omitempty"`
	// Kind is in every frame.
	Kind Kind `json:"kind"`
	// ID is the task's, from 1, in all frames but Ready.
	ID uint64 `json:"id,omitempty"`
	// Type is the task's, in Task.
	Type string `json:"type,omitempty"`
	// Data is the task's, in Task. Nil is null.
	Data json.RawMessage `json:"data,omitempty"`
	// Result is in Result. Nil is null.
	Result json.RawMessage `json:"result,omitempty"`
	// Error is the message of a Failed.
	Error string `json:"error,omitempty"`
	// Detail is more about a Failed, such as a stack; it may be missing.
	Detail json.RawMessage `json:"detail,omitempty"`
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

// ErrMalformed is the error of a line that is no frame.
var ErrMalformed = errors.New("not a frame of the worker protocol")

// Parse reads one line, with or without its line break. Unknown fields are
// ignored. The raw fields of the frame are parts of line.
func Parse(line []byte) (Frame, error) {
	s := scanner{in: bytes.TrimSpace(line)}
	f, err := s.frame()
	if err != nil {
		return Frame{}, fmt.Errorf("%w: %v: %q", ErrMalformed, err, excerpt(line))
	}
	return f, nil
}

// excerpt is enough of line to find who wrote it.
func excerpt(line []byte) []byte {
	if len(line) > 80 {
		return append(line[:80:80], "..."...)
	}
	return line
}
