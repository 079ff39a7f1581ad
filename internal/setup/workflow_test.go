package setup

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/internal/workspace"
)

// TestWorkflows: the workflows in testdata, which .ci/run has actionlint check, are those that
// real repositories get. UPDATE=1 writes them.
func TestWorkflows(t *testing.T) {
	cases := map[string]bool{}
	for _, tt := range []struct {
		name  string
		way   way
		dir   string
		files map[string]string
	}{
		{"npm", withNPM, "", map[string]string{"package.json": `{"engines": {"node": ">=20"}}`, "package-lock.json": "{}"}},
		{"npm-without-lock", withNPM, "", map[string]string{"package.json": `{"packageManager": "npm@11.0.0"}`}},
		{"npm-in-folder", withNPM, "my web's", map[string]string{"package.json": `{}`, "package-lock.json": "{}", ".nvmrc": "24"}},
		{"pnpm", withNPM, "", map[string]string{"package.json": `{"packageManager": "pnpm@11.9.0"}`, "pnpm-lock.yaml": "lockfileVersion: '9.0'", ".node-version": "24"}},
		{"pnpm-undeclared", withNPM, "", map[string]string{"package.json": `{"volta": {"node": "24.1.0"}}`, "pnpm-lock.yaml": "lockfileVersion: '9.0'"}},
		{"pnpm-in-folder", withNPM, "web", map[string]string{"package.json": `{"packageManager": "pnpm@11.9.0"}`, "pnpm-lock.yaml": "lockfileVersion: '9.0'"}},
		{"yarn1", withNPM, "", map[string]string{"package.json": `{}`, "yarn.lock": "# yarn lockfile v1\n"}},
		{"yarn4", withNPM, "", map[string]string{"package.json": `{"packageManager": "yarn@4.16.0"}`, "yarn.lock": "__metadata:\n  version: 8\n", ".tool-versions": "python 3.13\nnodejs 24.1.0\n"}},
		{"yarn4-in-git", withNPM, "", map[string]string{"package.json": `{}`, "yarn.lock": "__metadata:\n  version: 8\n", ".yarnrc.yml": "yarnPath: .yarn/releases/yarn-4.16.0.cjs\n", ".yarn/releases/yarn-4.16.0.cjs": ""}},
		{"bun", withNPM, "", map[string]string{"package.json": `{}`, "bun.lock": "{}"}},
		{"bun-declared", withNPM, "web", map[string]string{"package.json": `{"packageManager": "bun@1.3.0"}`, "bun.lock": "{}"}},
		{"go-npm", withGo, "", map[string]string{"package.json": `{}`, "package-lock.json": "{}"}},
		{"go-pnpm-in-folder", withGo, "web", map[string]string{"package.json": `{"packageManager": "pnpm@11.9.0"}`, "pnpm-lock.yaml": "lockfileVersion: '9.0'"}},
		{"go-module", withGo, "", map[string]string{"go.mod": "module x\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range tt.files {
				testkit.Write(t, root, name, text)
			}
			ws, err := workspace.Load(root)
			if err != nil {
				t.Fatal(err)
			}
			p := &prepared{ws: ws, way: tt.way}
			got := workflow{way: tt.way, build: p.build(), ws: ws, dir: tt.dir, branch: "main", node: nodeFile(root)}.text()
			golden := filepath.Join("testdata", tt.name+".yml")
			if os.Getenv("UPDATE") != "" {
				testkit.Write(t, ".", golden, string(got))
			}
			if want, err := os.ReadFile(golden); err != nil || string(want) != string(got) {
				t.Errorf("it is not %s: %v\n%s", golden, err, got)
			}
			cases[tt.name+".yml"] = true
		})
	}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !cases[f.Name()] && strings.HasSuffix(f.Name(), ".yml") {
			t.Errorf("testdata/%s is of no case", f.Name())
		}
	}
}

// TestPins: the recipes in docs/ci.md use the same commits.
func TestPins(t *testing.T) {
	docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	ours := strings.Join([]string{checkout, setupGo, setupNode, setupPNPM, setupBun}, "\n")
	found := 0
	for _, use := range regexp.MustCompile(`uses: (\S+)@(\S+ # \S+)`).FindAllStringSubmatch(string(docs), -1) {
		if strings.Contains(ours, use[1]+"@") {
			if found++; !strings.Contains(ours, use[1]+"@"+use[2]) {
				t.Errorf("docs/ci.md has %s at another commit", use[0])
			}
		}
	}
	if found == 0 {
		t.Error("docs/ci.md has none of the actions")
	}
}

// TestMagefile: what init writes is what this repository has, which README.md shows.
func TestMagefile(t *testing.T) {
	if own, err := os.ReadFile(filepath.Join("..", "..", "magefile.go")); err != nil || string(own) != magefile {
		t.Errorf("magefile.go is another: %v", err)
	}
}

func TestScalar(t *testing.T) {
	for text, want := range map[string]string{"main": "main", "a/b-1.x": "a/b-1.x", "1.0": "'1.0'", "On": "'On'", "-x": "'-x'", "it's": "'it''s'", "a b": "'a b'", "a: b": "'a: b'"} {
		if got := scalar(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
