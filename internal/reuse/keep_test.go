package reuse

import (
	"testing"

	"github.com/heapmage/heapmage/internal/filetree"
)

func TestDifference(t *testing.T) {
	folder, one, two := filetree.File{Path: "dist", Kind: filetree.Folder}, filetree.File{Path: "dist/a", Kind: filetree.Regular}, filetree.File{Path: "dist/b", Kind: filetree.Regular}
	for _, tt := range []struct {
		a, b []filetree.File
		want string
	}{
		{[]filetree.File{one}, []filetree.File{folder, one}, ""}, // the folder was there before
		{[]filetree.File{folder, one}, []filetree.File{one}, ""},
		{[]filetree.File{one, two}, []filetree.File{one}, "dist/b"},
		{[]filetree.File{one}, []filetree.File{one, two}, "dist/b"},
	} {
		if got := difference(tt.a, tt.b); got != tt.want {
			t.Errorf("%v, %v: %q", tt.a, tt.b, got)
		}
	}
}
