package inputs

import (
	"testing"

	"github.com/heapmage/heapmage/internal/fingerprint"
)

func TestChange(t *testing.T) {
	for _, tt := range []struct {
		before Known
		now    fingerprint.State
		want   string
	}{
		{New(Content, "src/a.ts", "content 1"), "content 2", "src/a.ts changed"},
		{New(Content, "src/a.ts", "content 1"), fingerprint.Absent, "src/a.ts is gone"},
		{New(Presence, ".env", fingerprint.Absent), "file 644", ".env is new"},
		{New(Presence, "a.sh", "file 644"), "file 755", "a.sh changed"},
		{New(Target, "l", "link 1"), "link 2", "l changed"},
		{New(Names, "src", "names 1"), "names 2", "files were added to or removed from src"},
		{New(Names, ".", "names 1"), "names 2", "files were added to or removed from the workspace's folder"},
		{New(Names, "src", "names 1"), fingerprint.Absent, "src is gone"},
		{New(Variable, "CI", "value 1"), fingerprint.Absent, "the variable CI changed"},
		{New(Variable, "CI", fingerprint.Absent), "value 1", "the variable CI changed"},
		{New(Installed, "node_modules/x", "1.0.0"), "", "what is installed in node_modules/x changed"},
		{New(Program, "node", "content 1"), fingerprint.Absent, "PATH leads to another node"},
	} {
		if got := tt.before.Change(tt.now); got != tt.want {
			t.Errorf("%v, now %s: %q, want %q", tt.before, tt.now, got, tt.want)
		}
	}
}

func TestChangedPart(t *testing.T) {
	type parts = map[string]string
	for _, tt := range []struct {
		before, now parts
		want        string
	}{
		{nil, nil, ""},
		{parts{"a": "1", "b": "2"}, parts{"b": "2", "a": "1"}, ""},
		{nil, parts{"b": "1", "a": "1"}, "a changed"},
		{parts{"a": "1", "b": "1"}, parts{"a": "1", "b": "2"}, "b changed"},
		{parts{"a": "1"}, parts{"a": "1", "b": ""}, "b changed"},
		{parts{"a": "", "c": "1", "b": "1"}, parts{"a": ""}, "b is gone"},
		{parts{"a": "1", "b": "1"}, parts{"b": "2"}, "b changed"},
	} {
		if got := ChangedPart(tt.before, tt.now); got != tt.want {
			t.Errorf("%v, now %v: %q, want %q", tt.before, tt.now, got, tt.want)
		}
	}
}
