package scripttext

import (
	"strings"
	"testing"
)

func TestTool(t *testing.T) {
	for text, want := range map[string]string{
		"tsc -p .":                                      "tsc",
		"rimraf dist && tsc -b":                         "rimraf+tsc",
		"NODE_ENV=production webpack":                   "webpack",
		"cross-env NODE_ENV=x npx vite build":           "vite",
		"node --max-old-space-size=99 scripts/build.js": "build.js",
		"./node_modules/.bin/tsup src; echo done":       "tsup+echo",
		"pnpm run compile":                              "compile",
		"":                                              "",
		`echo "a && b" && tsc`:                          "echo+tsc",
		"(cd a && tsc) 2>&1":                            "cd+tsc",
		"tsc & vite build":                              "tsc+vite",
	} {
		if got := Tool(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestWatches(t *testing.T) {
	for text, want := range map[string]bool{
		"tsc --watch":                            true,
		"tsc -b -w":                              true,
		"vue-tsc --noEmit -w":                    true,
		"jest --watchAll":                        true,
		"jest --watch=true":                      true,
		"vite build --watch && echo":             true,
		`concurrently "tsc -w" "vite"`:           true,
		`concurrently "tsc -b" "vite --watch x"`: true,
		"tsc -b":                                 false,
		"jest --watch=false --watchAll=false":    false,
		"vite build -w":                          false,
		"tsc -b && prettier -w .":                false,
		"jest --watchman":                        false,
		"--watch":                                false,
		"":                                       false,
	} {
		if got := Watches(text, nil); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestValuesOf(t *testing.T) {
	for text, want := range map[string]string{
		"turbo --config a run build":           "a",
		"turbo run build --config=a":           "a",
		"TURBO_CONFIG=a turbo build":           "a",
		"cross-env TURBO_CONFIG=a turbo build": "a",
		`sh -c "turbo --config 'b c'"`:         "b c",
		"turbo --config a && turbo --config b": "a b",
		"turbo --config":                       "",
		"turbo --configs a -- config=b":        "",
	} {
		if got := strings.Join(ValuesOf(text, "--config", "TURBO_CONFIG"), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
