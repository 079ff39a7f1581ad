package memtools

import "testing"

func TestCounterSince(t *testing.T) {
	before := OOMCounts{Cgroup: Counter{Value: 2, Known: true}, Host: Counter{}}
	after := OOMCounts{Cgroup: Counter{Value: 5, Known: true}, Host: Counter{Value: 9, Known: true}}
	got := after.Since(before)
	if want := (OOMCounts{Cgroup: Counter{Value: 3, Known: true}}); got != want {
		t.Errorf("%+v since %+v is %+v, want %+v", after, before, got, want)
	}
}
