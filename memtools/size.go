package memtools

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is an amount of memory as it is configured: absolute ("8GB"), or a
// percentage of the memory there is ("80%"). The zero value means unset.
type Size struct {
	abs     Bytes
	percent float64
}

// Absolute returns a Size of b bytes.
func Absolute(b Bytes) Size { return Size{abs: b} }

// Percent returns a Size of p percent of the memory there is. p should be above 0
// and at most 100; this is not checked.
func Percent(p float64) Size { return Size{percent: p} }

// ParseSize parses what ParseBytes does, or a percentage above 0 and at most 100
// such as "80%".
func ParseSize(text string) (Size, error) {
	if p, ok := strings.CutSuffix(strings.ToUpper(strings.TrimSpace(text)), "%"); ok {
		f, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil || !(f > 0 && f <= 100) {
			return Size{}, fmt.Errorf("%q is not a percentage above 0%% and up to 100%%", text)
		}
		return Percent(f), nil
	}
	b, err := ParseBytes(text)
	if err != nil {
		return Size{}, fmt.Errorf("%q is not a size such as 8GB, 512MB or 80%%", text)
	}
	return Absolute(b), nil
}

// IsZero reports whether the size is unset.
func (s Size) IsZero() bool { return s == Size{} }

// Of returns the size in bytes, where total is the memory there is. An absolute size
// may be larger than total. An unset size is zero.
func (s Size) Of(total Bytes) Bytes {
	if s.percent > 0 {
		return Bytes(float64(total) * s.percent / 100)
	}
	return s.abs
}

// String returns the size as it is configured, such as "8GB" or "80%", and "0B" if it
// is unset.
func (s Size) String() string {
	if s.percent > 0 {
		return strconv.FormatFloat(s.percent, 'f', -1, 64) + "%"
	}
	return s.abs.Short()
}
