//go:build unix

package proc

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/proctable"
)

func TestDuties(t *testing.T) {
	t.Run("keeps what it is told and drops what has ended", func(t *testing.T) {
		d := newDuties()
		d.read(strings.NewReader("watch 1 0 0 \"r/a\"\nwatch 1 10 99 \"r/a\"\nwatch 2 11 5 \"r/b;\\\"\"\nfolder \"/a b\"\nfolder \"/c\"\nkeep \"/c\"\nforget 2\nwrite \"\\x1b[J\"\n" +
			"folder \"relative\"\nnonsense\nwatch x\n\nwatch 3 4"))
		if len(d.wards) != 1 || d.wards[1] != (proctable.Root{Leader: proctable.Identity{PID: 10, Start: 99}, Mark: "r/a"}) || d.text != "\x1b[J" || len(d.folders) != 1 || !d.folders["/a b"] {
			t.Errorf("%+v", d)
		}
	})
}

func TestQuiet(t *testing.T) {
	process := func(pid int, start uint64) proctable.Process {
		return proctable.Process{Identity: proctable.Identity{PID: pid, Start: start}}
	}
	ours, other := process(1, 1), func(n int) proctable.Process { return process(100+n, uint64(n)) }
	type round struct{ found, unsure []proctable.Process }
	nothing := round{}
	for _, tt := range []struct {
		claim  string
		rounds []round
		done   int // the last round
	}{
		{"after some rounds without a member", []round{nothing, nothing, nothing}, 3},
		{"not before the last member was found", []round{nothing, nothing, {found: []proctable.Process{ours}}, nothing, nothing, nothing}, 6},
		{"not while one is in the middle of its start", []round{{unsure: []proctable.Process{ours}}, {unsure: []proctable.Process{ours}}, {unsure: []proctable.Process{ours}}, {unsure: []proctable.Process{ours}}, nothing}, 5},
		{"even if others always are", []round{{unsure: []proctable.Process{other(1)}}, {unsure: []proctable.Process{other(2)}}, {unsure: []proctable.Process{other(3)}}}, 3},
		{"and one is found out to be a member", []round{{unsure: []proctable.Process{ours}}, {found: []proctable.Process{ours}}, {unsure: []proctable.Process{other(1)}}, nothing, nothing}, 5},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			q := quiet{}
			for i, r := range tt.rounds {
				if done := q.round(r.found, r.unsure); done != (i+1 == tt.done) {
					t.Errorf("round %d: %v", i+1, done)
				}
			}
		})
	}
}

func FuzzDuties(f *testing.F) {
	f.Add("watch 1 10 99 \"r/a\"\nforget 1\n")
	f.Add("watch 1 0 0 \"\"\nfolder \"/\"\n")
	f.Fuzz(func(t *testing.T, in string) {
		d := newDuties()
		d.read(strings.NewReader(in))
		for _, r := range d.wards {
			if r.Mark == "" || r.Leader.PID < 0 {
				t.Errorf("%+v", r)
			}
		}
		for path := range d.folders {
			if !filepath.IsAbs(path) {
				t.Errorf("%q", path)
			}
		}
	})
}
