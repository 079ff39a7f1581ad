package budget

import (
	"errors"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

func TestSupplyCheck(t *testing.T) {
	for _, tt := range []struct {
		claim             string
		mode              event.Mode
		available, budget memtools.Bytes
		need              memtools.Bytes // of core#build
		notice, refusal   string
	}{
		{"is silent if the largest need is free", event.Safe, 3 * gb, 4 * gb, 3 * gb, "", ""},
		{"warns if it is not", event.Parallel, 2 * gb, 4 * gb, 3 * gb, "Only 2048.00MB of memory may be used (the machine)", ""},
		{"warns in build:managed too", event.Managed, 2 * gb, 4 * gb, 3 * gb, "Only 2048.00MB of memory may be used (the machine)", ""},
		{"refuses in build:safe", event.Safe, 2 * gb, 4 * gb, 3 * gb, "",
			"not enough memory to start: only 2048.00MB of memory may be used (the machine), core#build needs 3072.00MB"},
		{"names the budget if it is less than what is free", event.Safe, 4 * gb, 2 * gb, 3 * gb, "",
			"not enough memory to start: only 2048.00MB of memory may be used (budget: 2GB), core#build needs 3072.00MB"},
		{"wants 1 GB for a build without history", event.Safe, 900 * mb, 4 * gb, 0, "",
			"not enough memory to start: only 900.00MB of memory may be used (the machine), a build without history wants 1024.00MB"},
		{"and no more", event.Safe, 1 * gb, 4 * gb, 0, "", ""},
		{"but less for one that is known to need less", event.Safe, 900 * mb, 4 * gb, 500 * mb, "", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			s := Supply{tt.available, "the machine", tt.budget, "budget: 2GB"}
			notice, err := s.Check(tt.mode, tt.need, "core#build")
			if notice.Text != tt.notice || tt.notice != "" && (notice.Kind != event.ShortMemory || notice.Hint == "") {
				t.Errorf("notice %+v, want %q", notice, tt.notice)
			}
			if tt.refusal == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refusal, ok := errors.AsType[*problem.Error](err)
			if !ok || refusal.What != tt.refusal || refusal.ExitStatus() != problem.ExitNoMemory || refusal.Hint == "" {
				t.Errorf("got %v, want %q", err, tt.refusal)
			}
		})
	}
}
