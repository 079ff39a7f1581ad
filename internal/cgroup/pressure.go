package cgroup

import (
	"bytes"
	"strconv"
	"time"
)

// Stalled returns for how long some process has waited for memory in all, from the text of
// memory.pressure or /proc/pressure/memory (PSI, the kernel's accounting/psi.rst). It is
// false if the text does not tell.
func Stalled(text []byte) (d time.Duration, ok bool) {
	line, found := bytes.CutPrefix(text, []byte("some "))
	line, _, _ = bytes.Cut(line, []byte{'\n'})
	_, total, ok := bytes.Cut(line, []byte("total="))
	n, err := strconv.ParseInt(string(total), 10, 64)
	if !found || !ok || err != nil || n < 0 || n > int64(1<<62)/1000 {
		return 0, false
	}
	return time.Duration(n) * time.Microsecond, true
}
