package engine

import (
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

const gb, mb = memtools.GB, memtools.MB

func TestBudgetFor(t *testing.T) {
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
		{"is a configured share", event.Managed, memtools.Share(50), machine(8 * gb), 4 * gb, "budget: 50%"},
		{"never passes what there is", event.Parallel, memtools.Absolute(64 * gb), machine(8 * gb), 8 * gb, "more than there is"},
		{"keeps below a soft limit, where the kernel slows everything down", event.Parallel, memtools.Size{},
			memtools.Limits{Effective: 10 * gb, EffectiveSource: "cgroup v2 /a", Soft: 5 * gb, SoftSource: "memory.high of cgroup v2 /a"}, 5*gb - 256*mb, "memory.high"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got, source := budgetFor(tt.mode, &config.Config{Budget: tt.budget}, tt.limits)
			if got != tt.want || !strings.Contains(source, tt.source) {
				t.Errorf("got %v from %q, want %v from %q", got, source, tt.want, tt.source)
			}
		})
	}
}

func TestHeapFor(t *testing.T) {
	for _, tt := range []struct {
		claim  string
		r      heapRequest
		want   heap
		notice string
	}{
		{"is the ceiling where it fits", heapRequest{Budget: 20 * gb, Young: 48 * mb, Ceiling: 8 * gb}, heap{Limit: 8 * gb, Set: true}, ""},
		{"leaves room for the young generation at the budget", heapRequest{Budget: 8 * gb, Young: 48 * mb, Ceiling: 8 * gb}, heap{Limit: 8*gb - 48*mb, Set: true}, ""},
		{"is clamped to the budget, and says so", heapRequest{Budget: 6 * gb, Young: 48 * mb, Ceiling: 16 * gb}, heap{Limit: 6*gb - 48*mb, Set: true}, "Heap limit 16GB (the ceiling) does not fit the budget of 6144.00MB"},
		{"keeps the user's", heapRequest{Budget: 8 * gb, Ceiling: 8 * gb, User: 4 * gb, UserSource: "NODE_OPTIONS"}, heap{Limit: 4 * gb}, ""},
		{"keeps the user's above the ceiling", heapRequest{Budget: 20 * gb, Ceiling: 8 * gb, User: 16 * gb, UserSource: "NODE_OPTIONS"}, heap{Limit: 16 * gb}, ""},
		{"clamps the user's to the budget, and names it", heapRequest{Budget: 6 * gb, Ceiling: 8 * gb, User: 16 * gb, UserSource: "NODE_OPTIONS"}, heap{Limit: 6 * gb, Set: true}, "16GB (NODE_OPTIONS)"},
		{"is a fuse of twice what it is known to need", heapRequest{Budget: 20 * gb, Young: 48 * mb, Ceiling: 8 * gb, Learned: 1500 * mb}, heap{Limit: 3000 * mb, Set: true}, ""},
		{"is not so small that V8 collects more often", heapRequest{Budget: 20 * gb, Young: 48 * mb, Ceiling: 8 * gb, Learned: 100 * mb}, heap{Limit: 2 * gb, Set: true}, ""},
		{"nor larger than the budget bears, where it might need that", heapRequest{Budget: gb, Young: 48 * mb, Ceiling: 8 * gb, Learned: 1100 * mb}, heap{Limit: gb - 48*mb, Set: true}, ""},
		{"is above the budget where the task is known to fit", heapRequest{Budget: gb, Young: 48 * mb, Ceiling: 8 * gb, Learned: 900 * mb, Fits: true}, heap{Limit: 2 * gb, Set: true}, ""},
		{"also where those alike fit", heapRequest{Budget: gb, Young: 48 * mb, Ceiling: 8 * gb, Fits: true}, heap{Limit: 2 * gb, Set: true}, ""},
		{"but not above the ceiling", heapRequest{Budget: gb, Young: 48 * mb, Ceiling: 700 * mb, Learned: 600 * mb, Fits: true}, heap{Limit: 700 * mb, Set: true}, ""},
		{"also where the user's is larger still", heapRequest{Budget: gb, Ceiling: 8 * gb, User: 4 * gb, UserSource: "NODE_OPTIONS", Learned: 900 * mb, Fits: true}, heap{Limit: 2 * gb, Set: true}, ""},
		{"clamps the user's to a larger budget even then", heapRequest{Budget: 6 * gb, Ceiling: 8 * gb, User: 16 * gb, UserSource: "NODE_OPTIONS", Learned: 5 * gb, Fits: true}, heap{Limit: 6 * gb, Set: true}, "16GB (NODE_OPTIONS)"},
		{"raises the user's where the task died of it", heapRequest{Budget: gb, Ceiling: 8 * gb, User: 300 * mb, UserSource: "NODE_OPTIONS", Learned: 600 * mb, Proven: 450 * mb, Fits: true}, heap{Limit: 2 * gb, Set: true}, "300MB (NODE_OPTIONS) has been too small"},
		{"bounds a package's by the budget even then", heapRequest{Budget: gb, Ceiling: 8 * gb, Package: 2 * gb, Fits: true}, heap{Limit: gb, Set: true, Fixed: true}, "packages: in heapmage.yaml"},
		{"takes a package's as an order", heapRequest{Budget: 8 * gb, Ceiling: 8 * gb, User: 4 * gb, Package: 2 * gb}, heap{Limit: 2 * gb, Set: true, Fixed: true}, ""},
		{"clamps a package's too", heapRequest{Budget: 1 * gb, Ceiling: 8 * gb, Package: 2 * gb}, heap{Limit: 1 * gb, Set: true, Fixed: true}, "packages: in heapmage.yaml"},
		{"never leaves less than half of a small budget", heapRequest{Budget: 256 * mb, Young: 192 * mb, Ceiling: 8 * gb}, heap{Limit: 128 * mb, Set: true}, "does not fit"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got := heapFor(tt.r)
			if !strings.Contains(got.Notice.Text, tt.notice) || (tt.notice == "") != (got.Notice.Text == "") {
				t.Errorf("notice %q, want %q", got.Notice.Text, tt.notice)
			}
			got.Notice = event.Notice{}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestRaised(t *testing.T) {
	r := heapRequest{Budget: 6 * gb, Ceiling: 8 * gb}
	for _, tt := range []struct {
		claim string
		h     heap
		r     heapRequest
		want  memtools.Bytes
		ok    bool
	}{
		{"raises the user's limit to what the budget bears", heap{Limit: 1 * gb}, r, 6 * gb, true},
		{"does not pass the ceiling", heap{Limit: 1 * gb, Set: true}, heapRequest{Budget: 6 * gb, Ceiling: 2 * gb}, 2 * gb, true},
		{"does not raise an order", heap{Limit: 1 * gb, Set: true, Fixed: true}, r, 1 * gb, false},
		{"does not try again for less than a tenth", heap{Limit: 6*gb - 100*mb}, r, 6*gb - 100*mb, false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got, ok := tt.h.raised(tt.r)
			if got.Limit != tt.want || ok != tt.ok {
				t.Errorf("got %v, %v", got.Limit, ok)
			}
		})
	}
}
