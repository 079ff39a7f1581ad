package memtools

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory in bytes. Its text form counts in MB of
// 1,048,576 bytes, with two decimals: "1024.50MB".
type Bytes int64

// The units of Bytes. They are binary, as in the flags of V8 and the limits of
// a cgroup: 1 MB is 1,048,576 bytes.
const (
	KB Bytes = 1 << 10
	MB Bytes = 1 << 20
	GB Bytes = 1 << 30
	TB Bytes = 1 << 40
)

// String formats b as the log writes it: "1024.50MB".
func (b Bytes) String() string {
	return fmt.Sprintf("%.2fMB", float64(b)/float64(MB))
}

// Short formats b for messages that name a setting: the largest unit in which
// it is at least one, without needless decimals: "8GB", "1.5GB", "512MB".
func (b Bytes) Short() string {
	for _, u := range units {
		n := math.Round(float64(b)/float64(u.size)*100) / 100
		if math.Abs(n) >= 1 { // after rounding, or 1023.999KB would be 1024KB
			return strconv.FormatFloat(n, 'f', -1, 64) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

var units = []struct {
	name string
	size Bytes
}{{"TB", TB}, {"GB", GB}, {"MB", MB}, {"KB", KB}}

// Percent returns b as a whole percentage of limit, rounded to the nearest.
// It is 0 where limit is not positive.
func (b Bytes) Percent(limit Bytes) int {
	if limit <= 0 {
		return 0
	}
	return int(math.Round(float64(b) / float64(limit) * 100))
}

// Size is an amount of memory as a configuration writes it: either absolute
// ("8GB") or a share of the memory there is ("80%"). The zero value means unset.
type Size struct {
	abs     Bytes
	percent float64
}

// Absolute returns the Size that is b whatever memory there is.
func Absolute(b Bytes) Size { return Size{abs: b} }

// Share returns the Size that is percent (above 0, at most 100) of the memory
// there is.
func Share(percent float64) Size { return Size{percent: percent} }

// ParseSize reads "8GB", "512MB", "1.5g", "64KiB", a plain number of bytes, or
// a percentage above 0 and at most 100 such as "80%". Units are binary, and
// letter case and spaces do not matter.
func ParseSize(text string) (Size, error) {
	s := strings.ToUpper(strings.TrimSpace(text))
	if p, ok := strings.CutSuffix(s, "%"); ok {
		f, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil || !(f > 0 && f <= 100) {
			return Size{}, fmt.Errorf("%q is not a percentage above 0%% and up to 100%%", text)
		}
		return Share(f), nil
	}
	b, err := ParseBytes(text)
	if err != nil {
		return Size{}, fmt.Errorf("%q is not a size such as 8GB, 512MB or 80%%", text)
	}
	return Absolute(b), nil
}

// ParseBytes reads an absolute amount such as "8GB", "512MB", "1.5G", "64KiB"
// or a plain number of bytes. Zero, negative amounts and amounts beyond 8 EB
// are errors.
func ParseBytes(text string) (Bytes, error) {
	s := strings.ToUpper(strings.TrimSpace(text))
	unit := Bytes(1)
	for _, u := range units {
		name := u.name[:1]
		for _, suffix := range []string{name + "IB", name + "B", name} {
			if rest, ok := strings.CutSuffix(s, suffix); ok {
				s, unit = strings.TrimSpace(rest), u.size
				break
			}
		}
		if unit != 1 {
			break
		}
	}
	if unit == 1 {
		s = strings.TrimSpace(strings.TrimSuffix(s, "B"))
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f*float64(unit) >= 1) || f*float64(unit) >= math.MaxInt64 || strings.ContainsAny(s, "XPN_") {
		return 0, fmt.Errorf("%q is not a size such as 8GB or 512MB", text)
	}
	return Bytes(math.Round(f * float64(unit))), nil
}

// IsZero reports whether the size is unset.
func (s Size) IsZero() bool { return s == Size{} }

// Of returns the size in bytes where total is the memory there is.
func (s Size) Of(total Bytes) Bytes {
	if s.percent > 0 {
		return Bytes(float64(total) * s.percent / 100)
	}
	return s.abs
}

// String returns the size as a configuration would write it: "8GB", "80%".
func (s Size) String() string {
	if s.percent > 0 {
		return strconv.FormatFloat(s.percent, 'f', -1, 64) + "%"
	}
	return s.abs.Short()
}
