package trend

import (
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

func TestTrend(t *testing.T) {
	const ms, mb = time.Millisecond, memtools.MB
	for claim, tt := range map[string]struct {
		at    []time.Duration
		usage []memtools.Bytes
		want  memtools.Bytes // within a second
	}{
		"none without measurements":            {},
		"none with one":                        {at: []time.Duration{0}, usage: []memtools.Bytes{mb}},
		"by all of half a second":              {at: []time.Duration{0, 250 * ms, 500 * ms}, usage: []memtools.Bytes{0, 100 * mb, 100 * mb}, want: 200 * mb},
		"what is older does not count":         {at: []time.Duration{0, 500 * ms, 1000 * ms}, usage: []memtools.Bytes{0, 100 * mb, 110 * mb}, want: 20 * mb},
		"the last two count, however old":      {at: []time.Duration{0, 10 * time.Second}, usage: []memtools.Bytes{0, 100 * mb}, want: 10 * mb},
		"what is given back is no growth":      {at: []time.Duration{0, 250 * ms}, usage: []memtools.Bytes{100 * mb, 0}},
		"the later of two at one moment":       {at: []time.Duration{0, 500 * ms, 500 * ms}, usage: []memtools.Bytes{0, 300 * mb, 100 * mb}, want: 200 * mb},
		"one that is earlier replaces as well": {at: []time.Duration{0, 500 * ms, 250 * ms}, usage: []memtools.Bytes{0, 300 * mb, 50 * mb}, want: 200 * mb},
	} {
		t.Run(claim, func(t *testing.T) {
			var past Trend
			for i, at := range tt.at {
				past.Note(time.Unix(0, 0).Add(at), tt.usage[i])
			}
			if got := past.In(time.Second); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
