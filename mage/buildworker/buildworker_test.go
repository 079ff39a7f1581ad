package buildworker_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/mage/buildworker"
	"github.com/heapmage/heapmage/pool"
)

// workspace makes a monorepo whose scripts print what they were given.
func workspace(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no node")
	}
	root := t.TempDir()
	for name, text := range map[string]string{
		"package.json": `{"name": "acme", "workspaces": ["packages/*"]}`,
		"packages/core/package.json": `{"name": "@acme/core", "scripts": {
			"build": "node -e \"require('fs').writeFileSync('built', '')\"", "typecheck": "node -e 0", "test": "node -p \"'tested ' + process.argv.slice(1)\" --",
			"lint": "node -p \"'linted ' + process.argv.slice(1)\" --", "clean": "node -e \"require('fs').rmSync('built')\""}}`,
		"packages/bad/package.json":  `{"name": "bad", "scripts": {"build": "echo no >&2; exit 7"}}`,
		"packages/full/package.json": `{"name": "full", "scripts": {"build": "node fill.js"}}`,
		"packages/full/fill.js":      `const kept = []; for (let i = 0; i < 120; i++) kept.push(new Array(131072).fill(i));`,
		"node_modules/.keep":         "",
		"heapmage.yaml":              "heapLimit: 4GB\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestBuildWorker(t *testing.T) {
	root := workspace(t)
	var log bytes.Buffer
	t.Setenv("NODE_OPTIONS", "--max-old-space-size=64")
	w, err := buildworker.Open(t.Context(), root, &log)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pool.New(w.Program(), pool.Options{MaxWorkers: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Shutdown(context.Background()), w.Close()); err != nil {
			t.Error(err)
		}
		if !strings.Contains(log.String(), "📦 Building package: core...") {
			t.Errorf("the log is\n%s", log.String())
		}
	})
	do := func(typ string, data any) (buildworker.Result, string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, err := pool.Do[buildworker.Result](ctx, p, pool.Task{Type: typ, Data: data})
		output := ""
		if r.Log != "" {
			text, err := os.ReadFile(r.Log)
			if err != nil {
				t.Error(err)
			}
			output = string(text)
		}
		return r, output, err
	}
	for _, tt := range []struct {
		typ, script, output string
		data                any
	}{
		{"buildPackage", "build", "", map[string]string{"workspace": "packages/core"}},
		{"typecheck", "typecheck", "", map[string]string{"workspace": "core"}},
		{"test", "test", "tested src/tools\n", map[string]string{"workspace": "core", "testPath": "src/tools"}},
		{"lint", "lint", "linted --fix\n", map[string]any{"workspace": "core", "fix": true}},
		{"clean", "clean", "", buildworker.Data{Workspace: "@acme/core"}},
	} {
		r, output, err := do(tt.typ, tt.data)
		if err != nil {
			t.Fatalf("%s: %v", tt.typ, err)
		}
		if r.Package != "@acme/core" || r.Script != tt.script || r.Duration <= 0 || r.Attempts != 1 || output != tt.output {
			t.Errorf("%s: %+v, output %q", tt.typ, r, output)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "packages/core/built")); !os.IsNotExist(err) {
		t.Errorf("clean did not undo build: %v", err)
	}
	t.Run("reports why a script failed", func(t *testing.T) {
		_, _, err := do("buildPackage", buildworker.Data{Workspace: "bad"})
		failed := (*pool.TaskError)(nil)
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), "exit code 7") {
			t.Errorf("%v", err)
		}
	})
	t.Run("tries again with a larger heap limit, in each task anew", func(t *testing.T) {
		r, _, err := do("buildPackage", buildworker.Data{Workspace: "full"})
		if err != nil || r.Attempts != 2 {
			t.Errorf("%d attempts, %v", r.Attempts, err)
		}
		if r, _, err := do("buildPackage", buildworker.Data{Workspace: "full"}); err != nil || r.Attempts != 1 {
			t.Errorf("the second time: %d attempts, %v", r.Attempts, err)
		}
	})
	t.Run("refuses a workspace that is not one package", func(t *testing.T) {
		for _, data := range []buildworker.Data{{Workspace: "cor"}, {Workspace: "packages/*"}} {
			if _, _, err := do("buildPackage", data); err == nil {
				t.Errorf("%+v is no error", data)
			}
		}
	})
}
