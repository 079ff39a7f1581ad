package heap

import (
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

const gb, mb = memtools.GB, memtools.MB

func TestFor(t *testing.T) {
	for _, tt := range []struct {
		claim  string
		r      Request
		want   Limit
		notice string
	}{
		{"is the ceiling if that fits", Request{Budget: 20 * gb, Young: 48 * mb, Ceiling: 8 * gb}, Limit{Size: 8 * gb, Set: true}, ""},
		{"leaves room for the young generation at the budget", Request{Budget: 8 * gb, Young: 48 * mb, Ceiling: 8 * gb}, Limit{Size: 8*gb - 48*mb, Set: true}, ""},
		{"is clamped to the budget, and reports it", Request{Budget: 6 * gb, Young: 48 * mb, Ceiling: 16 * gb}, Limit{Size: 6*gb - 48*mb, Set: true}, "Heap limit 16GB (the ceiling) does not fit the budget of 6144.00MB"},
		{"keeps the user's", Request{Budget: 8 * gb, Ceiling: 8 * gb, User: 4 * gb, UserSource: "NODE_OPTIONS"}, Limit{Size: 4 * gb}, ""},
		{"keeps the user's above the ceiling", Request{Budget: 20 * gb, Ceiling: 8 * gb, User: 16 * gb, UserSource: "NODE_OPTIONS"}, Limit{Size: 16 * gb}, ""},
		{"clamps the user's to the budget, and names it", Request{Budget: 6 * gb, Ceiling: 8 * gb, User: 16 * gb, UserSource: "NODE_OPTIONS"}, Limit{Size: 6 * gb, Set: true}, "16GB (NODE_OPTIONS)"},
		{"is a fuse of twice what it is known to need", Request{Budget: 20 * gb, Young: 48 * mb, Ceiling: 8 * gb, Learned: 1500 * mb}, Limit{Size: 3000 * mb, Set: true}, ""},
		{"is not so small that V8 collects more often", Request{Budget: 20 * gb, Young: 48 * mb, Ceiling: 8 * gb, Learned: 100 * mb}, Limit{Size: 2 * gb, Set: true}, ""},
		{"nor above the budget if it might need that much", Request{Budget: gb, Young: 48 * mb, Ceiling: 8 * gb, Learned: 1100 * mb}, Limit{Size: gb - 48*mb, Set: true}, ""},
		{"is above the budget for a task that is known to fit", Request{Budget: gb, Young: 48 * mb, Ceiling: 8 * gb, Learned: 900 * mb, MayExceedBudget: true}, Limit{Size: 2 * gb, Set: true}, ""},
		{"also if similar tasks fit", Request{Budget: gb, Young: 48 * mb, Ceiling: 8 * gb, MayExceedBudget: true}, Limit{Size: 2 * gb, Set: true}, ""},
		{"but not above the ceiling", Request{Budget: gb, Young: 48 * mb, Ceiling: 700 * mb, Learned: 600 * mb, MayExceedBudget: true}, Limit{Size: 700 * mb, Set: true}, ""},
		{"also if the user's is larger still", Request{Budget: gb, Ceiling: 8 * gb, User: 4 * gb, UserSource: "NODE_OPTIONS", Learned: 900 * mb, MayExceedBudget: true}, Limit{Size: 2 * gb, Set: true}, ""},
		{"clamps the user's to a larger budget even then", Request{Budget: 6 * gb, Ceiling: 8 * gb, User: 16 * gb, UserSource: "NODE_OPTIONS", Learned: 5 * gb, MayExceedBudget: true}, Limit{Size: 6 * gb, Set: true}, "16GB (NODE_OPTIONS)"},
		{"raises the user's if the task died of it", Request{Budget: gb, Ceiling: 8 * gb, User: 300 * mb, UserSource: "NODE_OPTIONS", Learned: 600 * mb, Proven: 450 * mb, MayExceedBudget: true}, Limit{Size: 2 * gb, Set: true}, "300MB (NODE_OPTIONS) was too small"},
		{"bounds a package's by the budget even then", Request{Budget: gb, Ceiling: 8 * gb, Package: 2 * gb, MayExceedBudget: true}, Limit{Size: gb, Set: true, Fixed: true}, "packages: in heapmage.yaml"},
		{"takes a package's as fixed", Request{Budget: 8 * gb, Ceiling: 8 * gb, User: 4 * gb, Package: 2 * gb}, Limit{Size: 2 * gb, Set: true, Fixed: true}, ""},
		{"clamps a package's too", Request{Budget: 1 * gb, Ceiling: 8 * gb, Package: 2 * gb}, Limit{Size: 1 * gb, Set: true, Fixed: true}, "packages: in heapmage.yaml"},
		{"never leaves less than half of a small budget", Request{Budget: 256 * mb, Young: 192 * mb, Ceiling: 8 * gb}, Limit{Size: 128 * mb, Set: true}, "does not fit"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got := For(tt.r)
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
	r := Request{Budget: 6 * gb, Ceiling: 8 * gb}
	for _, tt := range []struct {
		claim string
		h     Limit
		r     Request
		want  memtools.Bytes
		ok    bool
	}{
		{"raises the user's limit to what fits the budget", Limit{Size: 1 * gb}, r, 6 * gb, true},
		{"does not pass the ceiling", Limit{Size: 1 * gb, Set: true}, Request{Budget: 6 * gb, Ceiling: 2 * gb}, 2 * gb, true},
		{"does not raise a fixed limit", Limit{Size: 1 * gb, Set: true, Fixed: true}, r, 1 * gb, false},
		{"does not try again for less than a tenth", Limit{Size: 6*gb - 100*mb}, r, 6*gb - 100*mb, false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got, ok := tt.h.raised(tt.r)
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("got %v, %v", got, ok)
			}
		})
	}
}

func TestNodeDefault(t *testing.T) {
	for memory, want := range map[memtools.Bytes]memtools.Bytes{0: 0, 1000 * mb: 500 * mb, 4 * gb: 2 * gb, 7 * gb: 2 * gb, 16 * gb: 4 * gb, 64 * gb: 4 * gb} {
		if got := NodeDefault(memory); got != want {
			t.Errorf("with %v of memory: %v", memory, got)
		}
	}
}

func TestUnneeded(t *testing.T) {
	for _, tt := range []struct {
		claim  string
		l      Limit
		budget memtools.Bytes
		want   bool
	}{
		{"a limit that Node sets as well", Limit{Size: 2 * gb, Set: true}, 6 * gb, true},
		{"not one above Node's", Limit{Size: 3 * gb, Set: true}, 6 * gb, false},
		{"not if Node's is above the budget", Limit{Size: gb, Set: true}, gb, false},
		{"not an order", Limit{Size: gb, Set: true, Fixed: true}, 6 * gb, false},
		{"not the user's, which we do not set", Limit{Size: gb}, 6 * gb, false},
		{"not one that was reported", Limit{Size: gb, Set: true, Notice: event.Notice{Text: "clamped"}}, 6 * gb, false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := tt.l.Unneeded(2*gb, tt.budget); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
