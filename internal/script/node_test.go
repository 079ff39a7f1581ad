package script

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

func TestFindNode(t *testing.T) {
	shim := func(text string) []string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "node"), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	}
	t.Run("looks through a shim", func(t *testing.T) {
		plain, err := findNode(t.Context(), os.Environ(), nil, 0)
		if err != nil {
			unlessCI(t, err.Error())
		}
		got, err := findNode(t.Context(), shim(`exec "`+plain.Path+`" "$@"`), nil, 0)
		if err != nil || got != plain {
			t.Errorf("got %+v, %v, want %+v", got, err, plain)
		}
		if got.Major < 18 || got.YoungGeneration <= 0 || got.YoungGeneration > memtools.GB {
			t.Errorf("it reports %+v", got)
		}
	})
	t.Run("is not misled by what a shim prints", func(t *testing.T) {
		plain, err := findNode(t.Context(), os.Environ(), nil, 0)
		if err != nil {
			unlessCI(t, err.Error())
		}
		got, err := findNode(t.Context(), shim(`echo "using node"; printf "no line end"; "`+plain.Path+`" "$@"; echo bye`), nil, 0)
		if err != nil || got != plain {
			t.Errorf("got %+v, %v, want %+v", got, err, plain)
		}
	})
	for claim, text := range map[string]string{"on stderr": "echo other >&2; echo why >&2; exit 1", "on stdout": "echo why; exit 0"} {
		t.Run("quotes what a shim that refuses wrote "+claim, func(t *testing.T) {
			if _, err := findNode(t.Context(), shim(text), nil, 0); err == nil || !strings.Contains(err.Error(), `(its last line: "why")`) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("is not misled by the user's options", func(t *testing.T) {
		if _, err := findNode(t.Context(), append(os.Environ(), "NODE_OPTIONS=--no-such-option"), nil, 0); err != nil {
			t.Error(err)
		}
	})
	for name, environ := range map[string][]string{"none": {"PATH=" + t.TempDir()}, "a broken one": shim("exit 1"), "one that is another program": shim("echo hello")} {
		t.Run(name+" is a problem", func(t *testing.T) {
			_, err := findNode(t.Context(), environ, nil, 0)
			if p := (*problem.Error)(nil); !errors.As(err, &p) || p.ExitStatus() != problem.ExitUsage || strings.Count(err.Error(), "\n") > 2 {
				t.Errorf("got %v", err)
			}
		})
	}
}
