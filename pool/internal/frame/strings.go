package frame

import (
	"encoding/binary"
	"encoding/json"
)

func (s *scanner) text() (string, error) {
	start := s.at
	if err := s.skipString(); err != nil {
		return "", err
	}
	return unquote(s.in[start:s.at])
}

func unquote(raw []byte) (string, error) {
	for _, c := range raw {
		if c == '\\' || c >= 0x80 { // escapes, and bytes that may not be UTF-8
			var t string
			err := json.Unmarshal(raw, &t)
			return t, err
		}
	}
	return string(raw[1 : len(raw)-1]), nil
}

// plain marks the bytes that a string may hold unescaped.
var plain = func() (table [256]bool) {
	for c := range table {
		table[c] = c >= 0x20 && c != '"' && c != '\\'
	}
	return table
}()

// allPlain is plain for eight bytes at once, since a large payload is mostly text.
func allPlain(x uint64) bool {
	const each, top = 0x0101010101010101, 0x8080808080808080 // one and 0x80 in each byte
	quote, backslash := x^'"'*each, x^'\\'*each
	// b-n has its top bit set if b < n, or if b had it set, which &^b rules out.
	return ((x-0x20*each)&^x|(quote-each)&^quote|(backslash-each)&^backslash)&top == 0
}

func (s *scanner) skipString() error {
	in, at := s.in, s.at+1
	for {
		for at+8 <= len(in) && allPlain(binary.LittleEndian.Uint64(in[at:])) {
			at += 8
		}
		for at < len(in) && plain[in[at]] {
			at++
		}
		if at >= len(in) {
			return errEnd
		}
		switch in[at] {
		case '"':
			s.at = at + 1
			return nil
		case '\\':
			n := escape(in[at:])
			if n == 0 {
				return errSyntax
			}
			at += n
		default:
			return errSyntax // a control character
		}
	}
}

// escape returns the length of the escape at the start of in, or zero if there is none.
func escape(in []byte) int {
	if len(in) < 2 {
		return 0
	}
	switch in[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(in) < 6 {
			return 0
		}
		for _, c := range in[2:6] {
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return 0
			}
		}
		return 6
	}
	return 0
}
