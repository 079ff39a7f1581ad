package proc

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// NewRunID returns a unique id: 24 hexadecimal digits. The first twelve are the
// time in milliseconds, so ids sort by age.
func NewRunID() string {
	var b [14]byte
	binary.BigEndian.PutUint64(b[:], uint64(time.Now().UnixMilli()))
	_, _ = rand.Read(b[8:]) // never fails
	return hex.EncodeToString(b[2:])
}
