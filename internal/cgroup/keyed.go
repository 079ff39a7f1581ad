package cgroup

import (
	"bytes"
	"strconv"
)

// Keyed returns the number in the line "key number …". A malformed or negative
// number counts as a missing line. The files of
// cgroups that the kernel calls flat keyed, and /proc/meminfo, are made of such lines.
func Keyed(text []byte, key string) (int64, bool) {
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		rest, ok := bytes.CutPrefix(line, []byte(key))
		if !ok || len(rest) == 0 || rest[0] != ' ' && rest[0] != '\t' {
			continue
		}
		number, _, _ := bytes.Cut(bytes.TrimLeft(rest, " \t"), []byte{' '})
		n, err := strconv.ParseInt(string(number), 10, 64)
		return n, err == nil && n >= 0
	}
	return 0, false
}
