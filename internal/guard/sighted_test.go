package guard

import (
	"testing"

	"github.com/heapmage/heapmage/internal/meter"
	"github.com/heapmage/heapmage/memtools"
)

func TestMayBeginFresh(t *testing.T) {
	for _, c := range []struct {
		claim  string
		others int
		budget memtools.Bytes
		want   bool
	}{
		{"the first one begins in any memory", 0, 64 * memtools.MB, true},
		{"a second one waits if the budget has one share", 1, 1023 * memtools.MB, false},
		{"two begin if it has two", 1, memtools.GB, true},
		{"a third one waits then", 2, memtools.GB, false},
		{"a large machine lets a whole make -j8 begin", 7, 4 * memtools.GB, true},
	} {
		t.Run(c.claim, func(t *testing.T) {
			if got := mayBeginFresh(c.others, c.budget); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestRoomy(t *testing.T) {
	for _, tt := range []struct {
		budget, usage, available memtools.Bytes
		want                     bool
	}{
		{16 * memtools.GB, 2 * memtools.GB, 14 * memtools.GB, true},
		{16 * memtools.GB, 13 * memtools.GB, 14 * memtools.GB, false}, // by the budget
		{16 * memtools.GB, 2 * memtools.GB, 3 * memtools.GB, false},   // by the machine
		{2 * memtools.GB, 0, 14 * memtools.GB, false},
	} {
		if got := roomy(meter.Reading{Budget: tt.budget, Usage: tt.usage, Available: tt.available}); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
