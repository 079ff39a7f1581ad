package proc

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"

	"github.com/heapmage/heapmage/memtools"
)

// NewRunID returns an id that no other run has: 16 hexadecimal digits.
func NewRunID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// marked reports whether env, NUL-separated variables, carries a memtools.Marker
// of id: among others, separated by semicolons, where runs are nested.
func marked(env []byte, id string) bool {
	for variable := range bytes.SplitSeq(env, []byte{0}) {
		value, ok := bytes.CutPrefix(variable, []byte(memtools.MarkerEnv+"="))
		if ok && bytes.Contains([]byte(";"+string(value)+";"), []byte(";"+id+";")) {
			return true
		}
	}
	return false
}
