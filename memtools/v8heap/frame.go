package v8heap

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/heapmage/heapmage/memtools"
)

// version is the version of the protocol. Frames of another are refused.
const version = 1

// maxFrame limits a frame in bytes. Real ones stay far below.
const maxFrame = 64 << 10

// request is what the server sends.
type request struct {
	V    int    `json:"v"`
	ID   int    `json:"id"`
	Type string `json:"type"` // "stats" or "collect"
}

// reply is what the agent sends: a hello when it connects, then one answer for each
// request. Unknown fields are ignored.
type reply struct {
	V    int    `json:"v"`
	Type string `json:"type"` // "hello", empty in an answer

	PID    int     `json:"pid"`
	Script string  `json:"script"`
	Node   string  `json:"node"`
	Task   string  `json:"task"`
	Limit  float64 `json:"limit"`

	ID     int     `json:"id"`
	Error  string  `json:"error"`
	MS     float64 `json:"ms"`
	Before figures `json:"before"`
	After  figures `json:"after"`
}

// figures are in bytes. JavaScript writes numbers as floating point.
type figures struct {
	Used     float64 `json:"used"`
	Total    float64 `json:"total"`
	Limit    float64 `json:"limit"`
	External float64 `json:"external"`
	RSS      float64 `json:"rss"`
}

func (f figures) heap() Heap {
	return Heap{Used: bytes(f.Used), Total: bytes(f.Total), Limit: bytes(f.Limit), External: bytes(f.External), RSS: bytes(f.RSS)}
}

// bytes converts a figure of the agent. It is zero if f cannot be an amount of
// memory.
func bytes(f float64) memtools.Bytes {
	if !(f > 0 && f < 1<<60) {
		return 0
	}
	return memtools.Bytes(f)
}

var errFrame = errors.New("not a frame of the heap agent")

// newScanner splits a stream into frames: lines of at most maxFrame bytes.
func newScanner(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 1<<10), maxFrame)
	return s
}

// decode reads one frame.
func decode(line []byte) (reply, error) {
	var r reply
	if err := json.Unmarshal(line, &r); err != nil {
		return reply{}, errFrame
	}
	if r.V != version {
		return reply{}, fmt.Errorf("%w: version %d, not %d", errFrame, r.V, version)
	}
	return r, nil
}
