package diagnostics

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestIn(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	dir := filepath.Join(root, "packages", "core")
	for _, path := range []string{filepath.Join(dir, "src", "a.ts"), filepath.Join(root, "b.ts"), filepath.Join(outside, "c.ts")} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	linked := filepath.Join(outside, "link")
	if err := os.Symlink(root, linked); err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct {
		claim, root, dir, file, want string
	}{
		{"from the package's folder", root, dir, "src/a.ts", "packages/core/src/a.ts"},
		{"from there with dots", root, dir, "./src/../src/a.ts", "packages/core/src/a.ts"},
		{"from the root", root, dir, "b.ts", "b.ts"},
		{"absolute", root, dir, filepath.Join(dir, "src", "a.ts"), "packages/core/src/a.ts"},
		{"absolute, and the workspace is behind a link", linked, filepath.Join(linked, "packages", "core"), filepath.Join(dir, "src", "a.ts"), "packages/core/src/a.ts"},
		{"outside of the workspace", root, dir, filepath.Join(outside, "c.ts"), ""},
		{"above it", root, dir, "../../../c.ts", ""},
		{"what is not there", root, dir, "gone.ts", ""},
		{"a folder", root, dir, "src", ""},
		{"no path at all", root, dir, "a\x00b", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got := Report{Errors: []Finding{{tt.file, 3, 7, "no"}}}.In(tt.root, tt.dir).Errors[0]
			if want := (Finding{tt.want, 3, 7, "no"}); tt.want != "" && !reflect.DeepEqual(got, want) || tt.want == "" && (got.File != "" || got.Line != 0) {
				t.Errorf("%+v", got)
			}
		})
	}
	if got := (Report{Errors: []Finding{{"gone\x1b.ts", 3, 7, "no"}, {Message: "x"}, {File: "gone.ts", Message: "y"}}}).In(root, dir).Errors; got[0].Message != `gone\x1b.ts:3: no` || got[1].Message != "x" || got[2].Message != "gone.ts: y" {
		t.Errorf("%+v", got)
	}
}
