package scripttext

import (
	"slices"
	"strings"
	"testing"
)

func TestCalled(t *testing.T) {
	others := map[string]string{"build": "tsc", "build:a": "x", "build:b": "y", "build:b:c": "z", "gen": "node gen.js", "all": "npm run build && npm run gen",
		"prehooked": "pnpm gen", "hooked": "jest", "round": "npm test", "jest": ""}
	for text, want := range map[string]string{
		"npm run build && node t.js":                 "build",
		"npm run-script build":                       "build",
		"npm run -s build -- --flag":                 "build",
		"npm --loglevel error run build":             "build",
		"pnpm build":                                 "build",
		"pnpm run build":                             "build",
		`pnpm run "/^build:.$/"`:                     "build:a build:b",
		"corepack pnpm build":                        "build",
		"yarn build":                                 "build",
		"yarn run build && yarn jest":                "build",
		"yarn run-s gen build":                       "gen build",
		"bun run build":                              "build",
		"bun build src/a.ts":                         "",
		"bun test":                                   "",
		"npm-run-all build gen":                      "build gen",
		"run-p build:*":                              "build:a build:b",
		"run-s 'build:** -- --x'":                    "build:a build:b build:b:c",
		"node --run build":                           "build",
		"node --run=build && node t.js":              "build",
		"cross-env CI=1 npm run build":               "build",
		"c8 npm run build":                           "build",
		"$npm_execpath run build":                    "build",
		`concurrently "npm:build:*" "yarn gen"`:      "build:a build:b gen",
		`sh -c "npm run build && jest"`:              "build",
		"(cd fixture && npm run build); npm run gen": "gen",
		"cd ../core && npm run build":                "",
		"cd . && npm run build":                      "build",
		"npm run build -w core":                      "",
		"npm run build -- -w":                        "build",
		"pnpm --filter core build":                   "",
		"pnpm -C ../core build":                      "",
		"npm run all":                                "all build gen",
		"npm run hooked":                             "hooked gen",
		"npm run round":                              "round test",
		"npm build":                                  "",
		"npm run $X":                                 "",
		"echo npm run build":                         "",
		"jest":                                       "",
		"":                                           "",
	} {
		scripts := map[string]string{"test": text}
		for name, text := range others {
			scripts[name] = text
		}
		if got := strings.Join(Called(scripts, "test", true), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	scripts := map[string]string{"pretest": "pnpm build", "test": "jest", "posttest": "yarn gen", "build": "tsc", "gen": "x"}
	if got := Called(scripts, "test", true); !slices.Equal(got, []string{"build", "gen"}) {
		t.Errorf("with hooks: got %q", got)
	}
	if got := Called(scripts, "test", false); got != nil {
		t.Errorf("without hooks: got %q", got)
	}
}

func TestOnlyDeletes(t *testing.T) {
	for text, want := range map[string]bool{
		"rm -rf dist":                         true,
		"rimraf dist && rimraf *.tsbuildinfo": true,
		"npx rimraf dist && mkdir dist":       true,
		"shx rm -rf lib":                      true,
		"yarn rimraf dist":                    true,
		"npm run clean":                       true,
		"git clean -xdf":                      true,
		"find . -name '*.d.ts' -delete":       true,
		"tsc --build --clean":                 true,
		`node -e "fs.rmSync('dist')"`:         true,
		"gulp clean":                          true,
		"rm -rf dist && echo done":            true,
		"npm run clean && tsc":                false,
		"rm -rf dist && tsc":                  false,
		"npm run compile":                     false,
		"tsc":                                 false,
		"tsc -b":                              false,
		"gulp":                                false,
		"node scripts/clean.js":               false,
		"echo done":                           false,
		"":                                    false,
	} {
		if got := OnlyDeletes(map[string]string{"build:clean": text, "clean": "rimraf dist", "compile": "tsc"}, "build:clean"); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

// FuzzCalled checks that only scripts are called, whatever their texts are.
func FuzzCalled(f *testing.F) {
	f.Add("npm run b && yarn yarn c", `concurrently "npm:*" -- (cd x`)
	f.Add("pnpm run /(/ && node --run", "run-s ** -- && corepack")
	f.Fuzz(func(t *testing.T, a, b string) {
		scripts := map[string]string{"a": a, "b": b, "prea": b, "c:d": "tsc"}
		for _, name := range Called(scripts, "a", true) {
			if _, ok := scripts[name]; !ok {
				t.Errorf("%q is called", name)
			}
		}
		OwnWork(scripts, "a", true)
		OnlyDeletes(scripts, "a")
	})
}
