package cgroup

import (
	"strconv"
	"strings"
)

// Quota reads a quota of processor time in cores: the text of v2's cpu.max, or of v1's
// cpu.cfs_quota_us and cpu.cfs_period_us with a space between. It is zero if there is no
// quota, and false if the text is none.
func Quota(text []byte) (cores float64, ok bool) {
	quota, period, _ := strings.Cut(string(text), " ")
	if quota == "max" || quota == "-1" {
		return 0, true
	}
	q, err1 := strconv.ParseUint(quota, 10, 64)
	p, err2 := strconv.ParseUint(strings.TrimSpace(period), 10, 64)
	if err1 != nil || err2 != nil || p == 0 {
		return 0, false
	}
	return float64(q) / float64(p), true
}
