package scripttext

import (
	"fmt"
	"strings"
	"testing"
)

func TestOwnWork(t *testing.T) {
	for text, want := range map[string]string{
		"turbo run build":                          "",
		"npx turbo build --filter=./packages/*":    "",
		"cross-env CI=1 nx run-many -t build":      "",
		"lerna run build && echo done":             "",
		"pnpm -r build":                            "",
		"pnpm --filter './packages/**' run build":  "",
		"pnpm exec turbo build":                    "",
		"npm run build --workspaces --if-present":  "",
		"npm run build -w a && npm run build -w b": "",
		"yarn workspaces foreach -A run build":     "",
		"yarn workspace core build":                "",
		"yarn turbo build":                         "",
		"bun run --filter '*' build":               "",
		"tsc -b && turbo run build":                "tsc -b",
		"npm run gen && turbo build":               "node gen.js (gen)",
		"run-s gen all":                            "node gen.js (gen)",
		"yarn gen && yarn all":                     "node gen.js (gen)",
		"npm run all":                              "",
		"npm run again":                            "",
		"rimraf dist && pnpm -r build":             "rimraf dist",
		"node scripts/build.js > log":              "node scripts/build.js",
		"npm-run-all build:*":                      "npm-run-all build:*",
		"tsc -b && tsc -b && node a.js":            "tsc -b; node a.js",
		"npx --yes turbo build":                    "",
		"dotenv -- turbo build":                    "",
		"npm-run-all all again":                    "",
		"run-s a*":                                 "",
		`concurrently "npm:gen" "turbo build"`:     "node gen.js (gen)",
		`sh -c "tsc -b && turbo build"`:            "tsc -b",
		"npm --prefix packages/a run build":        "",
		"wsrun build && lage build":                "",
		"npm run hooked":                           "node pre.js (prehooked)",
		"npm run both":                             "node own.js; node gen.js (gen)",
		"npm run deep":                             "node gen.js (deep)",
		"":                                         "",
	} {
		scripts := map[string]string{"build": text, "gen": "node gen.js", "all": "turbo build", "again": "npm run build",
			"prehooked": "node pre.js", "hooked": "turbo build", "both": "node own.js && npm run gen && turbo build", "deep": "npm run gen"}
		work, _ := OwnWork(scripts, "build", true)
		var got []string
		for _, w := range work {
			text := w.Command
			if w.Script != "" {
				text += " (" + w.Script + ")"
			}
			got = append(got, text)
		}
		if got := strings.Join(got, "; "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]bool{"turbo build": true, "tsc -b && pnpm -r build": true, "npm run all": true, "tsc -b": false, "echo done": false, "npm run build": false} {
		if _, got := OwnWork(map[string]string{"build": text, "all": "nx run-many -t build"}, "build", true); (len(got) > 0) != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestNarrowFanOut(t *testing.T) {
	for text, want := range map[string]string{
		"turbo run build":                                 "[{turbo run build false}]",
		"bun run turbo run build --filter @acme/*":        "[{bun run turbo run build --filter @acme/* true}]",
		"turbo run build --filter=./packages/**":          "[{turbo run build --filter=./packages/** true}]",
		"bun --filter '*' build":                          "[{bun --filter * build false}]",
		"pnpm --filter=* build":                           "[{pnpm --filter=* build false}]",
		"nx affected --target=build --exclude=examples/*": "[{nx affected --target=build --exclude=examples/* true}]",
		"lerna run build --no-private":                    "[{lerna run build --no-private true}]",
		"lage build -- --since x":                         "[{lage build -- --since x false}]",
		"npm run build --workspaces":                      "[{npm run build --workspaces false}]",
		"yarn workspace web build && npm run all":         "[{yarn workspace web build true} {turbo build false}]",
		"tsc -b": "[]",
	} {
		scripts := map[string]string{"build": text, "turbo": "turbo --root-turbo-json x", "all": "turbo build"}
		if _, got := OwnWork(scripts, "build", true); fmt.Sprint(got) != want {
			t.Errorf("%q: got %v, want %s", text, got, want)
		}
	}
}

func TestAlias(t *testing.T) {
	for text, want := range map[string]string{
		"npm run compile":            "compile",
		"pnpm compile":               "compile",
		"yarn run compile":           "compile",
		"npm run compile -- --force": "",
		"npm run compile && cp a b":  "",
		"A=b npm run compile":        "",
		"npm run compile > log":      "",
		"pnpm -r compile":            "",
		"pnpm runner compile":        "",
		"run-s compile":              "compile",
		"run-p runner compile":       "",
		"npm run missing":            "",
		"npm run build":              "",
		"tsc":                        "",
	} {
		scripts := map[string]string{"build": text, "compile": "tsc", "runner": "x"}
		if got, _ := Alias(scripts, "build"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		scripts["postbuild"] = "x"
		if got, ok := Alias(scripts, "build"); ok {
			t.Errorf("%q with a hook: got %q", text, got)
		}
	}
}
