package budget

import (
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

const gb, mb = memtools.GB, memtools.MB

func TestMax(t *testing.T) {
	machine := func(b memtools.Bytes) memtools.Limits {
		return memtools.Limits{Machine: b, Effective: b, EffectiveSource: "the machine's memory"}
	}
	for _, tt := range []struct {
		claim  string
		mode   event.Mode
		budget memtools.Size
		limits memtools.Limits
		want   memtools.Bytes
		source string
	}{
		{"is what there is less a twentieth", event.Parallel, memtools.Size{}, machine(20 * gb), 19 * gb, "20GB less a reserve of 1GB, the machine's memory"},
		{"is what there is less 128 MB on a small machine", event.Parallel, memtools.Size{}, machine(1 * gb), 1*gb - 128*mb, "1GB less a reserve of 128MB"},
		{"is what there is less an eighth on a smaller one", event.Parallel, memtools.Size{}, machine(800 * mb), 700 * mb, "800MB less a reserve of 100MB"},
		{"is what there is less 64 MB in a small container", event.Parallel, memtools.Size{}, machine(256 * mb), 192 * mb, "reserve of 64MB"},
		{"leaves half of a tiny one", event.Parallel, memtools.Size{}, machine(100 * mb), 50 * mb, "reserve of 50MB"},
		{"is 8 GB at most when managed", event.Managed, memtools.Size{}, machine(64 * gb), 8 * gb, "the 8GB of build:managed"},
		{"is less when managed on a small machine", event.Managed, memtools.Size{}, machine(5 * gb), 5*gb - 256*mb, "5GB less a reserve of 256MB"},
		{"is the same when safe", event.Safe, memtools.Size{}, machine(20 * gb), 19 * gb, "20GB less"},
		{"is what is configured", event.Managed, memtools.Absolute(3 * gb), machine(64 * gb), 3 * gb, "budget: 3GB"},
		{"is a configured share", event.Managed, memtools.Percent(50), machine(8 * gb), 4 * gb, "budget: 50%"},
		{"never passes what there is", event.Parallel, memtools.Absolute(64 * gb), machine(8 * gb), 8 * gb, "more than there is"},
		{"keeps below a soft limit, where the kernel slows everything down", event.Parallel, memtools.Size{},
			memtools.Limits{Effective: 10 * gb, EffectiveSource: "cgroup v2 /a", Soft: 5 * gb, SoftSource: "memory.high of cgroup v2 /a"}, 5*gb - 256*mb, "memory.high"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got, source := Max(tt.mode, Setting{Size: tt.budget}, tt.limits)
			if got != tt.want || !strings.Contains(source.String(), tt.source) {
				t.Errorf("got %v from %q, want %v from %q", got, source, tt.want, tt.source)
			}
		})
	}
}

func TestNow(t *testing.T) {
	for _, tt := range []struct {
		claim                  string
		most, usage, available memtools.Bytes
		want                   memtools.Bytes
	}{
		{"is the maximum while nothing else needs the memory", 4 * gb, gb, 10 * gb, 4 * gb},
		{"is what the run has and can still get, less the reserve", 4 * gb, gb, gb, 2*gb - 4*gb/20},
		{"keeps at least 128 MB in reserve", gb, 100 * mb, 500 * mb, 600*mb - 128*mb},
		{"is half of what others leave if that is less than twice the reserve", gb, 4 * mb, 10 * mb, 7 * mb},
		{"is never far below usage, even if others leave nothing", gb, 8 * mb, 0, 4 * mb},
		{"is never zero", gb, 0, 0, 1},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := Now(tt.most, tt.usage, tt.available); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestHeapCeiling(t *testing.T) {
	for _, tt := range []struct {
		claim      string
		mode       event.Mode
		configured memtools.Size
		want       memtools.Bytes
	}{
		{"is 8 GB", event.Parallel, memtools.Size{}, 8 * gb},
		{"is 8 GB when managed", event.Managed, memtools.Size{}, 8 * gb},
		{"is 16 GB when safe", event.Safe, memtools.Size{}, 16 * gb},
		{"is what is configured", event.Safe, memtools.Absolute(3 * gb), 3 * gb},
		{"is a configured share of the memory", event.Parallel, memtools.Percent(25), 5 * gb},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := HeapCeiling(tt.mode, tt.configured, 20*gb); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
