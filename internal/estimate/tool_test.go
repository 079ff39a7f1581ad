package estimate

import "testing"

func TestTool(t *testing.T) {
	for script, want := range map[string]string{
		"tsc -p .":                                      "tsc",
		"rimraf dist && tsc -b":                         "rimraf+tsc",
		"NODE_ENV=production webpack":                   "webpack",
		"cross-env NODE_ENV=x npx vite build":           "vite",
		"node --max-old-space-size=99 scripts/build.js": "build.js",
		"./node_modules/.bin/tsup src; echo done":       "tsup+echo",
		"pnpm run compile":                              "compile",
		"":                                              "",
	} {
		if got := Tool(script); got != want {
			t.Errorf("%q: got %q, want %q", script, got, want)
		}
	}
}
