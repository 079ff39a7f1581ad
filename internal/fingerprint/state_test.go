package fingerprint

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestStates(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	write(t, at("file"), "abc")
	write(t, at("folder/b"), "")
	write(t, at("folder/a"), "")
	if err := os.Chmod(at("file"), 0o640); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"near": "folder/a", "far": at("folder"), "out": "/usr/share", "loop": "loop"} {
		if err := os.Symlink(to, at(from)); err != nil {
			t.Skip(err)
		}
	}
	d := open(root)
	content := ContentOf(mustFile(t, d, at("file")))
	for _, tt := range []struct {
		what string
		got  State
		want State
	}{
		{"presence of a file", d.Presence(at("file")), "file 0640"},
		{"presence of a folder", d.Presence(at("folder")), "folder 0755"},
		{"presence of a link", d.Presence(at("near")), "link"},
		{"presence of nothing", d.Presence(at("gone")), Absent},
		{"presence below a file", d.Presence(at("file/below")), Absent},
		{"presence behind a loop", d.Presence(at("loop/below")), "unreadable: too many levels of symbolic links"},
		{"presence of a name that is too long", d.Presence(at(strings.Repeat("x", 5000))), "unreadable: file name too long"},
		{"target of a link", d.Target(at("near")), "link to folder/a"},
		{"target by an absolute path into the root", d.Target(at("far")), "link to //folder"},
		{"target outside", d.Target(at("out")), "link to /usr/share"},
		{"target of a file", d.Target(at("file")), "file 0640"},
		{"content of a file", d.Content(at("file")), content},
		{"content of a folder", d.Content(at("folder")), "folder 0755"},
		{"content of a link", d.Content(at("near")), "link to folder/a"},
		{"content of nothing", d.Content(at("gone")), Absent},
		{"content of a device", d.Content(os.DevNull), "device"},
		{"names of a folder", d.Names(at("folder"), nil), NamesOf([]string{"a", "b"}, nil)},
		{"names of a folder in part", d.Names(at("folder"), func(name string) bool { return name == "b" }), NamesOf([]string{"a"}, nil)},
		{"names of a file", d.Names(at("file"), nil), "file 0640"},
		{"names of nothing", d.Names(at("gone"), nil), Absent},
	} {
		if runtime.GOOS != "linux" && strings.HasPrefix(string(tt.want), "unreadable") {
			continue // other systems word it in their own way
		}
		if tt.got != tt.want {
			t.Errorf("%s is %q, not %q", tt.what, tt.got, tt.want)
		}
	}
	if NamesOf([]string{"a", "b"}, nil) == NamesOf([]string{"ab"}, nil) {
		t.Error("names run together")
	}
}

func TestDigestOfState(t *testing.T) {
	digest := Sum("a")
	if got, ok := ContentOf(digest).Digest(); got != digest || !ok {
		t.Errorf("%s became %s", digest, got)
	}
	for _, s := range []State{"", Absent, "file 0640", "link to content", State(digest.String()), ContentOf(digest)[1:], ContentOf(digest) + "0", "content " + "00"} {
		if got, ok := s.Digest(); got != (Digest{}) || ok {
			t.Errorf("%q has a digest: %s", s, got)
		}
	}
}

func mustFile(t *testing.T, d *Digests, path string) Digest {
	t.Helper()
	digest, err := d.File(path)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}
