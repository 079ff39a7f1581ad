package proctable

import (
	"strings"
	"testing"
)

func TestMarks(t *testing.T) {
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
		if got := MarkIndex(Marks([]byte(env), name), "r/a") >= 0; got != want {
			t.Errorf("%q: %v", env, got)
		}
	}
}

func FuzzMarks(f *testing.F) {
	f.Add("A=b\x00HEAPMAGE_TASK=r/a\x00", "r/a")
	f.Fuzz(func(t *testing.T, env, id string) {
		if MarkIndex(Marks([]byte(env), name), id) >= 0 && !strings.Contains(env, id) {
			t.Error("found what is not there")
		}
	})
}

func TestMarksJoinsAllEntries(t *testing.T) {
	got := Marks([]byte("HEAPMAGE_TASK=a;b\x00X=1\x00HEAPMAGE_TASK=c"), name)
	if got != "a;b;c" {
		t.Errorf("got %q", got)
	}
	if outer, inner := MarkIndex(got, "a"), MarkIndex(got, "b;c"); outer != 0 || inner <= outer {
		t.Errorf("at %d and %d", outer, inner)
	}
}
