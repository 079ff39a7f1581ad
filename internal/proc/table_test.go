package proc

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestMembers(t *testing.T) {
	const id = "run/core#build"
	mark := []byte("A=b\x00HEAPMAGE_TASK=" + id + "\x00C=d\x00")
	env := map[int][]byte{30: mark, 31: mark, 40: mark, 60: []byte("HEAPMAGE_TASK=outer/x;" + id + "\x00"), 5: mark}
	table := []entry{
		{pid: 1, start: 0},
		{pid: 5, ppid: 1, group: 5, session: 5, start: 50},                   // ourselves
		{pid: 10, ppid: 5, group: 10, session: 10, start: 100, zombie: true}, // the leader
		{pid: 11, ppid: 1, group: 10, session: 10, start: 101},               // its parent has gone
		{pid: 12, ppid: 11, group: 12, session: 10, start: 102},              // a group of its own
		{pid: 20, ppid: 12, group: 20, session: 20, start: 103},              // a session of its own, a parent of ours
		{pid: 30, ppid: 1, group: 30, session: 30, start: 104},               // a daemon
		{pid: 31, ppid: 1, group: 31, session: 31, start: 105, zombie: true}, // a dead one
		{pid: 32, ppid: 30, group: 32, session: 32, start: 106},              // the daemon's child, mark cleared
		{pid: 40, ppid: 1, group: 40, session: 40, start: 99},                // older than the tree
		{pid: 50, ppid: 5, group: 50, session: 50, start: 107},               // another tree of ours
		{pid: 60, ppid: 50, group: 60, session: 60, start: 108},              // of a nested run
		{pid: 70, ppid: 1, group: 70, session: 70, start: 109},               // a stranger
		{pid: 71, ppid: 70, group: 70, session: 70, start: 109},              // its child
		{pid: 9, ppid: 1, group: 10, session: 10, start: 98},                 // impossible, or a table read slowly
	}
	pids := func(s scope, r root) (p []int) {
		found, unsure := membersOf(r, s, table, func(pid int) ([]byte, bool) { return env[pid], true }, 5)
		if len(unsure) > 0 {
			t.Errorf("unsure of %v", unsure)
		}
		for _, e := range found {
			p = append(p, e.pid)
		}
		return p
	}
	ours := root{leader: 10, start: 100, id: id}
	for _, c := range []struct {
		claim string
		got   []int
		want  []int
	}{
		{"finds a session without its leader", pids(inSession, ours), []int{11, 12}},
		{"finds descendants in other sessions", pids(attached, ours), []int{11, 12, 20}},
		{"finds daemons by their mark, and their children", pids(everything, ours), []int{11, 12, 20, 30, 32, 60}},
		{"finds by the mark alone when the leader is not known", pids(everything, root{id: id}), []int{30, 32, 40, 60}},
		{"leaves a later process with the leader's number alone", pids(everything, root{leader: 70, start: 110, id: "none"}), nil},
	} {
		t.Run(c.claim, func(t *testing.T) {
			if !reflect.DeepEqual(c.got, c.want) {
				t.Errorf("got %v, want %v", c.got, c.want)
			}
		})
	}
}

func TestMembersInTheMiddleOfAnExec(t *testing.T) {
	table := []entry{{pid: 30, start: 5, group: 30, session: 30}, {pid: 31, start: 5, kernel: true}, {pid: 32, start: 4}, {pid: 33, start: 6, zombie: true}}
	look := func(s scope) (int, int) {
		found, unsure := membersOf(root{leader: 10, start: 5, id: "r/a"}, s, table, func(int) ([]byte, bool) { return nil, false }, 1)
		return len(found), len(unsure)
	}
	if found, unsure := look(everything); found != 0 || unsure != 1 {
		t.Errorf("found %d, unsure of %d; want the first only, and not for sure", found, unsure)
	}
	if found, unsure := look(attached); found != 0 || unsure != 0 {
		t.Errorf("found %d, unsure of %d where marks do not matter", found, unsure)
	}
}

func TestMarked(t *testing.T) {
	for env, want := range map[string]bool{
		"HEAPMAGE_TASK=r/a":                        true,
		"X=1\x00HEAPMAGE_TASK=r/a\x00":             true,
		"HEAPMAGE_TASK=o/x;r/a":                    true,
		"HEAPMAGE_TASK=r/a;i/y":                    true,
		"HEAPMAGE_TASK=r/ab":                       false,
		"HEAPMAGE_TASK=xr/a":                       false,
		"NOT_HEAPMAGE_TASK=r/a":                    false,
		"X=HEAPMAGE_TASK=r/a":                      false,
		"HEAPMAGE_TASK=":                           false,
		"":                                         false,
		"HEAPMAGE_TASK=z\x00HEAPMAGE_TASK=r/a\x00": true,
	} {
		if got := marked([]byte(env), "r/a"); got != want {
			t.Errorf("%q: %v", env, got)
		}
	}
}

func FuzzMarked(f *testing.F) {
	f.Add("A=b\x00HEAPMAGE_TASK=r/a\x00", "r/a")
	f.Fuzz(func(t *testing.T, env, id string) {
		if marked([]byte(env), id) && !strings.Contains(env, id) {
			t.Error("found what is not there")
		}
	})
}

func TestRunIDs(t *testing.T) {
	a := NewRunID()
	time.Sleep(2 * time.Millisecond) // ids of one millisecond may stand in any order
	if b := NewRunID(); a >= b || len(a) != 24 || len(b) != 24 {
		t.Errorf("%q, then %q", a, b)
	}
}
