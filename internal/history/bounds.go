package history

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

// The bounds of what is remembered. They keep sums and products of samples from
// overflowing, and every line within the reader's buffer.
const (
	maxTask  = 4096
	maxText  = 256
	maxSize  = 1024 * memtools.TB
	maxTime  = math.MaxUint32 * time.Millisecond
	maxEpoch = 253402300799999 // the year 9999, in ms
)

// normal returns x within the bounds and with the precision of the file.
func normal(x estimate.Sample) estimate.Sample {
	x.Time = fromEpoch(epoch(x.Time))
	x.Peak, x.HeapLimit, x.Sources = bound(x.Peak), bound(x.HeapLimit), bound(x.Sources)
	x.Duration, x.CPU = fromMillis(millis(x.Duration)), fromMillis(millis(x.CPU))
	x.Tool, x.Versions = shorten(x.Tool), shorten(x.Versions)
	return x
}

func bound(b memtools.Bytes) memtools.Bytes { return min(max(b, 0), maxSize) }

// millis rounds up, because zero means unknown.
func millis(d time.Duration) uint32 {
	d = min(max(d, 0), maxTime)
	return uint32((d + time.Millisecond - 1) / time.Millisecond)
}

func fromMillis(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }

func epoch(t time.Time) int64 {
	if ms := t.UnixMilli(); ms > 0 && ms <= maxEpoch {
		return ms
	}
	return 0
}

func fromEpoch(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func shorten(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
