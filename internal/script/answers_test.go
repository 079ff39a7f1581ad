package script

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/memtools"
)

// TestAnswers: a Node is asked once, for as long as it would answer the same.
func TestAnswers(t *testing.T) {
	plain, err := findNode(t.Context(), os.Environ(), nil, 0)
	if err != nil {
		unlessCI(t, err.Error())
	}
	if _, _, ok := identity(plain.Path, nil, 0); !ok {
		t.Skip("programs cannot be told apart here")
	}
	root := t.TempDir()
	bin := filepath.Join(root, "bin")
	node := filepath.Join(bin, "node")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + bin + ":" + environ.Value(os.Environ(), "PATH")}
	const forged = "1.2.3"
	// found is the version, after an earlier run whose answer was replaced by a forged one if
	// it was kept.
	found := func(before, now memtools.Bytes) string {
		if err := os.RemoveAll(filepath.Join(root, "kept")); err != nil {
			t.Fatal(err)
		}
		answers := OpenAnswers(root, "kept")
		first, err := findNode(t.Context(), env, answers, before)
		if err != nil {
			t.Fatal(err)
		}
		if _, key, _ := identity(node, env, before); first.Version != forged {
			if _, kept := answers.Of(key); kept {
				answers.Add(key, `{"Path":"`+first.Path+`","Version":"`+forged+`"}`)
			}
		}
		if err := answers.Save(); err != nil {
			t.Fatal(err)
		}
		n, err := findNode(t.Context(), env, OpenAnswers(root, "kept"), now)
		if err != nil {
			t.Fatal(err)
		}
		return n.Version
	}
	if err := os.Symlink(plain.Path, node); err != nil {
		t.Fatal(err)
	}
	if got := found(memtools.GB, memtools.GB); got != forged {
		t.Errorf("the same program was asked again: %s", got)
	}
	if got := found(memtools.GB, 2*memtools.GB); got != plain.Version {
		t.Errorf("it was not asked again with other memory: %s", got)
	}
	if err := os.Remove(node); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(node, []byte("#!/bin/sh\nexec "+plain.Path+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := found(memtools.GB, memtools.GB); got != plain.Version {
		t.Errorf("a shim, which may start another Node now, was not asked again: %s", got)
	}
}
