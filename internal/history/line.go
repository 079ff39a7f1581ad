package history

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"

	"github.com/heapmage/heapmage/internal/estimate"
)

// entry is one line of the file as it was read. Its texts may be parts of the
// reader's buffer.
//
//	{"t":"core#build","a":1767225600123,"o":"succeeded","p":537133056,"d":12340,"c":20100,"h":4294967296,"s":81920,"w":"tsc","v":"node 20.20.2"}
//
// Sizes are bytes, a is milliseconds since 1970, d and c are milliseconds. Zero
// and empty values are left out, and unknown keys are ignored.
type entry struct {
	task, outcome, tool, versions []byte
	at, peak, heap, sources       int64
	duration, cpu                 int64
}

// appendLine appends the line of x, which must be normal, to dst.
func appendLine(dst []byte, task string, x estimate.Sample) []byte {
	number := func(key byte, n int64) {
		if n != 0 {
			dst = strconv.AppendInt(append(dst, ',', '"', key, '"', ':'), n, 10)
		}
	}
	text := func(key byte, s string) {
		if s != "" {
			dst = appendText(append(dst, ',', '"', key, '"', ':'), s)
		}
	}
	dst = appendText(append(dst, `{"t":`...), task)
	number('a', epoch(x.Time))
	text('o', string(x.Outcome))
	number('p', int64(x.Peak))
	number('d', int64(millis(x.Duration)))
	number('c', int64(millis(x.CPU)))
	number('h', int64(x.HeapLimit))
	number('s', int64(x.Sources))
	text('w', x.Tool)
	text('v', x.Versions)
	return append(dst, '}', '\n')
}

// appendText appends s as a JSON string.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if !plain(s[i]) {
			b, err := json.Marshal(s)
			if err != nil {
				panic(err) // every string has a JSON form
			}
			return append(dst, b...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

// plain reports whether c needs no escape in a JSON string.
func plain(c byte) bool { return c >= ' ' && c < 0x7f && c != '"' && c != '\\' }

var errBounds = errors.New("a value is out of bounds")

// parseLine reads one line, with or without its line end. The texts of the result
// are valid until b changes.
func parseLine(b []byte) (entry, error) {
	e, ok := scan(b)
	if !ok {
		var err error
		if e, err = decode(b); err != nil {
			return entry{}, err
		}
	}
	if len(e.task) == 0 || len(e.task) > maxTask || len(e.tool) > maxText || len(e.versions) > maxText || outcomeOf(e.outcome) < 0 {
		return entry{}, errBounds
	}
	for _, n := range [...]int64{e.peak, e.heap, e.sources} {
		if n < 0 || n > int64(maxSize) {
			return entry{}, errBounds
		}
	}
	for _, n := range [...]int64{e.duration, e.cpu} {
		if n < 0 || n > math.MaxUint32 {
			return entry{}, errBounds
		}
	}
	if e.at < 0 || e.at > maxEpoch {
		return entry{}, errBounds
	}
	return e, nil
}

// scan reads a line without escapes, as nearly all are, ten times as fast as
// encoding/json does. It returns false for every other line, good or bad.
func scan(b []byte) (e entry, ok bool) {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if len(b) == 0 || b[0] != '{' {
		return e, false
	}
	for rest := b[1:]; ; {
		if len(rest) < 6 || rest[0] != '"' || rest[2] != '"' || rest[3] != ':' {
			return e, false
		}
		key := rest[1]
		rest = rest[4:]
		end := 0
		if rest[0] == '"' {
			for end = 1; end < len(rest) && plain(rest[end]); end++ {
			}
			if end+1 >= len(rest) || rest[end] != '"' || !e.setText(key, rest[1:end]) {
				return e, false
			}
			end++
		} else {
			var n int64
			for ; end < len(rest) && end < 18 && rest[end] >= '0' && rest[end] <= '9'; end++ {
				n = n*10 + int64(rest[end]-'0')
			}
			if end == 0 || end > 1 && rest[0] == '0' || end == len(rest) || !e.setNumber(key, n) {
				return e, false
			}
		}
		switch {
		case rest[end] == '}':
			return e, end == len(rest)-1
		case rest[end] != ',':
			return e, false
		}
		rest = rest[end+1:]
	}
}

func (e *entry) setText(key byte, text []byte) bool {
	switch key {
	case 't':
		e.task = text
	case 'o':
		e.outcome = text
	case 'w':
		e.tool = text
	case 'v':
		e.versions = text
	default:
		return false
	}
	return true
}

func (e *entry) setNumber(key byte, n int64) bool {
	switch key {
	case 'a':
		e.at = n
	case 'p':
		e.peak = n
	case 'd':
		e.duration = n
	case 'c':
		e.cpu = n
	case 'h':
		e.heap = n
	case 's':
		e.sources = n
	default:
		return false
	}
	return true
}

// decode reads any line with encoding/json.
func decode(b []byte) (entry, error) {
	var v struct {
		Task     string `json:"t"`
		At       int64  `json:"a"`
		Outcome  string `json:"o"`
		Peak     int64  `json:"p"`
		Duration int64  `json:"d"`
		CPU      int64  `json:"c"`
		Heap     int64  `json:"h"`
		Sources  int64  `json:"s"`
		Tool     string `json:"w"`
		Versions string `json:"v"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return entry{}, err
	}
	return entry{
		task: []byte(v.Task), outcome: []byte(v.Outcome), tool: []byte(v.Tool), versions: []byte(v.Versions),
		at: v.At, peak: v.Peak, heap: v.Heap, sources: v.Sources, duration: v.Duration, cpu: v.CPU,
	}, nil
}

// outcomeOf returns the number of an outcome, or -1.
func outcomeOf(text []byte) int {
	for i, o := range outcomes {
		if string(text) == string(o) {
			return i
		}
	}
	return -1
}
