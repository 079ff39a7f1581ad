package main

import (
	"bytes"
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	r := released(t)
	whole, err := r.unpack()
	if err != nil {
		t.Fatal(err)
	}
	const main, platform = "npm/heapmage-1.2.3.tgz", "npm/platforms/heapmage-linux-x64-1.2.3.tgz"
	// replace changes a text in the file of a package that has a name.
	replace := func(tarball, name, old, text string) func(map[string][]file) {
		return func(all map[string][]file) {
			for i, f := range all[tarball] {
				if f.name == name {
					all[tarball][i].content = bytes.ReplaceAll(f.content, []byte(old), []byte(text))
				}
			}
		}
	}
	for _, tt := range []struct {
		claim  string
		change func(map[string][]file)
		want   string
	}{
		{"a file too many", func(all map[string][]file) { all[main] = append(all[main], file{name: "secrets.txt"}) }, "secrets.txt"},
		{"a missing file", func(all map[string][]file) { all[platform] = all[platform][1:] }, `not ["LICENSE"`},
		{"a missing package", func(all map[string][]file) { delete(all, platform) }, platform + ": has []"},
		{"a script that cannot be executed", func(all map[string][]file) { all[main][2].executable = false }, "bin/heapmage.js*"},
		{"a path of this machine", replace(main, "README.md", "heapmage", r.root), "a path of this machine"},
		{"a program that needs a loader", func(all map[string][]file) {
			shell, err := os.ReadFile("/bin/sh")
			if err != nil {
				t.Fatal(err)
			}
			all[platform][3].content = append(shell, "heapmage@1.2.3;"...)
		}, "not static"},
		{"a program of another version", replace(platform, "bin/heapmage", "heapmage@1.2.3;", "heapmage@1.2.4;"), "not of version 1.2.3"},
		{"a package for another system", replace(platform, "package.json", `"linux"`, `"darwin"`), `for ["darwin"]`},
		{"packages of two versions", replace(platform, "package.json", `"1.2.3"`, `"1.2.4"`), `version "1.2.4"`},
		{"a range of versions", replace(main, "package.json", `linux-x64": "1.2.3"`, `linux-x64": "^1.2.3"`), `"^1.2.3"`},
		{"a script that does not know a platform", replace(main, "bin/heapmage.js", "'linux-x64'", ""), "does not know linux-x64"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			all := maps.Clone(whole)
			for name, files := range all {
				all[name] = slices.Clone(files)
			}
			tt.change(all)
			if err := r.checkFiles(context.Background(), all); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
