package proc

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// NewRunID returns an id that no other run has: 24 hexadecimal digits, of which
// the first twelve are the time in milliseconds, so that ids sort by age.
func NewRunID() string {
	var b [14]byte
	binary.BigEndian.PutUint64(b[:], uint64(time.Now().UnixMilli()))
	_, _ = rand.Read(b[8:]) // never fails
	return hex.EncodeToString(b[2:])
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
