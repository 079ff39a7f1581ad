package memtools

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory in bytes. It prints in MB of 1,048,576 bytes with
// two decimals, such as "1024.50MB".
type Bytes int64

// Binary units, as in V8's flags and cgroup limits: 1 MB is 1,048,576 bytes.
const (
	KB Bytes = 1 << 10
	MB Bytes = 1 << 20
	GB Bytes = 1 << 30
	TB Bytes = 1 << 40
)

// units are the units by name, the largest first.
var units = []struct {
	name string
	size Bytes
}{{"TB", TB}, {"GB", GB}, {"MB", MB}, {"KB", KB}}

// ParseBytes parses an absolute amount such as "8GB", "512MB", "1.5G", "64KiB" or
// a plain number of bytes. Units are binary; case and spaces do not matter.
// Amounts below 1 byte or beyond 8 EB are errors.
func ParseBytes(text string) (Bytes, error) {
	number, unit := cutUnit(strings.ToUpper(strings.TrimSpace(text)))
	f, err := strconv.ParseFloat(number, 64)
	f *= float64(unit)
	if err != nil || !(f >= 1 && f < math.MaxInt64) || strings.ContainsAny(number, "XPN_") {
		return 0, fmt.Errorf("%q is not a size such as 8GB or 512MB", text)
	}
	return Bytes(math.Round(f)), nil
}

// cutUnit splits an upper-case text into its number and its unit.
func cutUnit(s string) (number string, unit Bytes) {
	for _, u := range units {
		letter := u.name[:1]
		for _, suffix := range []string{letter + "IB", letter + "B", letter} {
			if rest, ok := strings.CutSuffix(s, suffix); ok {
				return strings.TrimSpace(rest), u.size
			}
		}
	}
	return strings.TrimSpace(strings.TrimSuffix(s, "B")), 1
}

// String returns b in MB, such as "1024.50MB".
func (b Bytes) String() string {
	return fmt.Sprintf("%.2fMB", float64(b)/float64(MB))
}

// Short returns b in the largest unit that gives at least 1, with at most two
// decimals, such as "8GB", "1.5GB" or "512MB". This is how configuration writes sizes.
func (b Bytes) Short() string {
	for _, u := range units {
		n := math.Round(float64(b)/float64(u.size)*100) / 100
		if math.Abs(n) >= 1 { // after rounding, or 1023.999KB would be 1024KB
			return strconv.FormatFloat(n, 'f', -1, 64) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// Percent returns b as a percentage of limit, rounded to a whole number. It is 0
// if limit is not positive.
func (b Bytes) Percent(limit Bytes) int {
	if limit <= 0 {
		return 0
	}
	return int(math.Round(float64(b) / float64(limit) * 100))
}
