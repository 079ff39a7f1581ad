package frame

import (
	"bytes"
	"errors"
	"strconv"
)

// scanner reads one frame in a single pass: it checks the whole line and decodes
// only the head. encoding/json would read the payload three times, and a large
// frame is nearly all payload.
type scanner struct {
	in []byte
	at int
}

var (
	errEnd    = errors.New("it ends early")
	errSyntax = errors.New("it is not a JSON object")
	errKind   = errors.New(`it has no "kind"`)
	errDeep   = errors.New("it is nested too deeply")
)

// maxDepth is the limit of nesting, as in encoding/json.
const maxDepth = 10000

func (s *scanner) frame() (Frame, error) {
	var f Frame
	if s.peek() != '{' {
		return f, errSyntax
	}
	s.at++
	if s.peek() == '}' {
		return f, errKind
	}
	for {
		if s.peek() != '"' {
			return f, s.broken()
		}
		key, err := s.text()
		if err != nil {
			return f, err
		}
		if s.peek() != ':' {
			return f, s.broken()
		}
		s.at++
		if err := s.field(&f, key); err != nil {
			return f, err
		}
		switch s.peek() {
		case ',':
			s.at++
			s.peek()
			continue
		case '}':
			s.at++
		default:
			return f, s.broken()
		}
		break
	}
	if s.at != len(s.in) {
		return f, errSyntax
	}
	if f.Kind == "" {
		return f, errKind
	}
	return f, nil
}

// field reads the value of key into f, or skips it if the key is unknown.
func (s *scanner) field(f *Frame, key string) (err error) {
	s.peek()
	start := s.at
	if err := s.value(0); err != nil {
		return err
	}
	raw := s.in[start:s.at:s.at]
	var word string
	number := uint64(0)
	switch key {
	case "kind", "type", "error":
		if raw[0] == '"' {
			word, err = unquote(raw)
		} else if string(raw) != "null" {
			return errors.New(key + " is not a string")
		}
	case "v", "id":
		if number, err = strconv.ParseUint(string(raw), 10, 53); err != nil {
			err = errors.New(key + " is not a whole number")
		}
	}
	if err != nil {
		return err
	}
	switch key {
	case "kind":
		f.Kind = Kind(word)
	case "type":
		f.Type = word
	case "error":
		f.Error = word
	case "v":
		f.V = int(min(number, 1<<30))
	case "id":
		f.ID = number
	case "data":
		f.Data = raw
	case "result":
		f.Result = raw
	case "detail":
		f.Detail = raw
	}
	return nil
}

// peek skips white space and returns the next byte, zero at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.in) {
		switch c := s.in[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) broken() error {
	if s.at >= len(s.in) {
		return errEnd
	}
	return errSyntax
}

// value skips one value.
func (s *scanner) value(depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	switch c := s.peek(); {
	case c == '"':
		return s.skipString()
	case c == '{' || c == '[':
		return s.skipComposite(c, depth)
	case c == '-' || c >= '0' && c <= '9':
		return s.skipNumber()
	case c == 't':
		return s.skipWord("true")
	case c == 'f':
		return s.skipWord("false")
	case c == 'n':
		return s.skipWord("null")
	}
	return s.broken()
}

func (s *scanner) skipComposite(open byte, depth int) error {
	closing := open + 2 // '{' and '}', '[' and ']'
	s.at++
	if s.peek() == closing {
		s.at++
		return nil
	}
	for {
		if open == '{' {
			if s.peek() != '"' {
				return s.broken()
			}
			if err := s.skipString(); err != nil {
				return err
			}
			if s.peek() != ':' {
				return s.broken()
			}
			s.at++
		}
		if err := s.value(depth + 1); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.at++
		case closing:
			s.at++
			return nil
		default:
			return s.broken()
		}
	}
}

func (s *scanner) skipWord(word string) error {
	if len(s.in)-s.at < len(word) || string(s.in[s.at:s.at+len(word)]) != word {
		return errSyntax
	}
	s.at += len(word)
	return nil
}

func (s *scanner) skipNumber() error {
	if s.at < len(s.in) && s.in[s.at] == '-' {
		s.at++
	}
	if s.at < len(s.in) && s.in[s.at] == '0' {
		s.at++
	} else if s.digits() == 0 {
		return s.broken()
	}
	if s.at < len(s.in) && s.in[s.at] == '.' {
		s.at++
		if s.digits() == 0 {
			return s.broken()
		}
	}
	if s.at < len(s.in) && (s.in[s.at] == 'e' || s.in[s.at] == 'E') {
		s.at++
		if s.at < len(s.in) && (s.in[s.at] == '+' || s.in[s.at] == '-') {
			s.at++
		}
		if s.digits() == 0 {
			return s.broken()
		}
	}
	return nil
}

func (s *scanner) digits() (n int) {
	for s.at < len(s.in) && s.in[s.at] >= '0' && s.in[s.at] <= '9' {
		s.at++
		n++
	}
	return n
}

// OneValue reports whether raw is one JSON value without a line break, so that it
// may be a raw field of a Frame.
func OneValue(raw []byte) bool {
	s := scanner{in: raw}
	return s.value(0) == nil && s.at == len(raw) && bytes.IndexByte(raw, '\n') < 0
}
