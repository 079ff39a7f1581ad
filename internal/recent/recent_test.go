package recent

import (
	"reflect"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/memtools"
)

func example() ([]string, *cache.Entry) {
	return []string{"content a/src/index.ts", "names a/src"}, &cache.Entry{
		Key: cache.Key{1, 2}, Sum: fingerprint.Digest{3}, Task: "a#build", Duration: 3 * time.Second, Processor: 4 * time.Second, Peak: 5 * memtools.MB,
		Blob: fingerprint.Digest{6}, Log: fingerprint.Digest{7}, LogSize: 8, Data: cache.Data{Removed: []string{"x"}, Connections: []string{"203.0.113.7:443", "y"}},
		Files: []filetree.File{
			{Path: "a/dist", Kind: filetree.Folder, Mode: 0o755},
			{Path: "a/dist/index.js", Kind: filetree.Regular, Mode: 0o644, Size: 9, Digest: fingerprint.Digest{10}},
			{Path: "a/dist/link", Kind: filetree.Link, Target: "index.js"},
		},
	}
}

func TestResults(t *testing.T) {
	root := t.TempDir()
	inputs, e := example()
	r := Open(root, "kept", "recent", "1")
	r.Put(cache.Key{1}, inputs, e)
	r.Put(cache.Key{2}, make([]string, longest+1), e)
	if err := r.Save(); err != nil {
		t.Fatal(err)
	}
	r = Open(root, "kept", "recent", "1")
	if found, got, ok := r.Of(cache.Key{1}); !ok || !reflect.DeepEqual(found, inputs) || !reflect.DeepEqual(got, e) {
		t.Errorf("found %v %v %+v", ok, found, got)
	}
	if _, _, ok := r.Of(cache.Key{2}); ok {
		t.Error("one with very many inputs is kept")
	}
	if _, _, ok := r.Of(cache.Key{3}); ok {
		t.Error("one that was not put is found")
	}
	if _, _, ok := Open(root, "kept", "recent", "2").Of(cache.Key{1}); ok {
		t.Error("one of another format is found")
	}
}

// A file that comes with a repository must not name a path outside of the workspace.
func TestHostile(t *testing.T) {
	inputs, e := example()
	e.Files[1].Path = "../outside"
	if _, _, ok := decode(encode(inputs, e)); ok {
		t.Error("a path outside of the workspace is taken")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(example()))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		inputs, e, ok := decode(text)
		if !ok {
			return
		}
		if again, _, ok := decode(encode(inputs, e)); !ok || len(again) != len(inputs) {
			t.Errorf("%q is not the same again", text)
		}
	})
}
