package reuse

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

// TestManyInputs: the paths of 50,000 files that a task read can be kept.
func TestManyInputs(t *testing.T) {
	v := &view{inputs: []known{{input: input{names, "packages/a/src"}}, {input: input{content, "link"}}, {input: input{presence, "gone"}}}}
	for n := range 50_000 {
		path := fmt.Sprintf("packages/some-longer-name/src/components/a-folder-with-a-longer-name/of-another/component-%d.stories.tsx", n)
		v.inputs = append(v.inputs, known{input: input{content, path}}, known{input: input{presence, path}})
	}
	v.sort()
	set, err := json.Marshal(textsOf(v.inputs))
	if err != nil {
		t.Fatal(err)
	}
	store, weak := cache.In(t.TempDir()), cache.Key(fingerprint.Sum("weak"))
	defer store.Close()
	if err := store.AddManifest(t.Context(), weak, set); err != nil {
		t.Fatal(err)
	}
	sets, err := store.Manifests(weak)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parseSet(sets[0])
	if err != nil || !slices.EqualFunc(parsed, v.inputs, func(a input, b known) bool { return a == b.input }) {
		t.Errorf("%d inputs were read, %v", len(parsed), err)
	}
}

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
