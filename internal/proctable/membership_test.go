package proctable

import (
	"reflect"
	"testing"
)

const name = "HEAPMAGE_TASK"

func TestMembers(t *testing.T) {
	const id = "run/core#build"
	mark := []byte("A=b\x00HEAPMAGE_TASK=" + id + "\x00C=d\x00")
	env := map[int][]byte{30: mark, 31: mark, 40: mark, 60: []byte("HEAPMAGE_TASK=outer/x;" + id + "\x00"), 5: mark}
	table := []Process{
		{Identity: Identity{PID: 1, Start: 0}},
		{Identity: Identity{PID: 5, Start: 50}, PPID: 1, Group: 5, Session: 5},                   // ourselves
		{Identity: Identity{PID: 10, Start: 100}, PPID: 5, Group: 10, Session: 10, Zombie: true}, // the leader
		{Identity: Identity{PID: 11, Start: 101}, PPID: 1, Group: 10, Session: 10},               // its parent has gone
		{Identity: Identity{PID: 12, Start: 102}, PPID: 11, Group: 12, Session: 10},              // its own group
		{Identity: Identity{PID: 20, Start: 103}, PPID: 12, Group: 20, Session: 20},              // its own session, a parent of ours
		{Identity: Identity{PID: 30, Start: 104}, PPID: 1, Group: 30, Session: 30},               // a daemon
		{Identity: Identity{PID: 31, Start: 105}, PPID: 1, Group: 31, Session: 31, Zombie: true}, // a dead one
		{Identity: Identity{PID: 32, Start: 106}, PPID: 30, Group: 32, Session: 32},              // the daemon's child, mark cleared
		{Identity: Identity{PID: 40, Start: 99}, PPID: 1, Group: 40, Session: 40},                // older than the tree
		{Identity: Identity{PID: 50, Start: 107}, PPID: 5, Group: 50, Session: 50},               // another tree of ours
		{Identity: Identity{PID: 60, Start: 108}, PPID: 50, Group: 60, Session: 60},              // of a nested run
		{Identity: Identity{PID: 70, Start: 109}, PPID: 1, Group: 70, Session: 70},               // a stranger
		{Identity: Identity{PID: 71, Start: 109}, PPID: 70, Group: 70, Session: 70},              // its child
		{Identity: Identity{PID: 80, Start: 111}, PPID: 81, Group: 80, Session: 80},              // its parent's number is another's now
		{Identity: Identity{PID: 81, Start: 112}, PPID: 11, Group: 81, Session: 81},              // a member with that number
		{Identity: Identity{PID: 9, Start: 98}, PPID: 1, Group: 10, Session: 10},                 // impossible, or a table read slowly
	}
	pids := func(s Scope, r Root) (p []int) {
		found, unsure := Members(r, s, table, func(pid int) (string, bool) { return Marks(env[pid], name), true }, 5)
		if len(unsure) > 0 {
			t.Errorf("unsure of %v", unsure)
		}
		for _, e := range found {
			p = append(p, e.PID)
		}
		return p
	}
	ours := Root{Leader: Identity{10, 100}, Mark: id}
	for _, c := range []struct {
		claim string
		got   []int
		want  []int
	}{
		{"finds a session without its leader", pids(InSession, ours), []int{11, 12}},
		{"finds descendants in other sessions", pids(Attached, ours), []int{11, 12, 20, 81}},
		{"finds daemons by their mark, and their children", pids(Everything, ours), []int{11, 12, 20, 30, 32, 60, 81}},
		{"finds by the mark alone when the leader is not known", pids(Everything, Root{Mark: id}), []int{30, 32, 40, 60}},
		{"takes the group for the session, where a leader leads only that", pids(InSession, Root{Leader: Identity{12, 100}}), []int{12}},
		{"leaves a later process with the leader's number alone", pids(Everything, Root{Leader: Identity{70, 110}, Mark: "none"}), nil},
	} {
		t.Run(c.claim, func(t *testing.T) {
			if !reflect.DeepEqual(c.got, c.want) {
				t.Errorf("got %v, want %v", c.got, c.want)
			}
		})
	}
}

func TestMembersInTheMiddleOfAnExec(t *testing.T) {
	table := []Process{{Identity: Identity{PID: 30, Start: 5}, Group: 30, Session: 30}, {Identity: Identity{PID: 31, Start: 5}, Kernel: true}, {Identity: Identity{PID: 32, Start: 4}}, {Identity: Identity{PID: 33, Start: 6}, Zombie: true}}
	look := func(s Scope) (int, int) {
		found, unsure := Members(Root{Leader: Identity{10, 5}, Mark: "r/a"}, s, table, func(int) (string, bool) { return "", false }, 1)
		return len(found), len(unsure)
	}
	if found, unsure := look(Everything); found != 0 || unsure != 1 {
		t.Errorf("found %d, unsure of %d; want the first only, and not for sure", found, unsure)
	}
	if found, unsure := look(Attached); found != 0 || unsure != 0 {
		t.Errorf("found %d, unsure of %d where marks do not matter", found, unsure)
	}
}
