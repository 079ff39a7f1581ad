package pathrole

import "testing"

func TestTellsVersion(t *testing.T) {
	for file, want := range map[string]bool{
		"/usr/lib/node_modules/typescript/package.json":              true,
		"/usr/lib/node_modules/npm/node_modules/abbrev/package.json": false, // npm's own tells enough
		"/usr/lib/node_modules/typescript/lib/tsc.js":                false,
		"/usr/share/x/package.json":                                  false,
	} {
		if got := TellsVersion(file); got != want {
			t.Errorf("%s: %v", file, got)
		}
	}
}

func TestUnseen(t *testing.T) {
	for path, want := range map[string]bool{
		"heapmage-plan.json":              true, // runners have it or not
		"packages/web/heapmage-plan.json": false,
		".heapmage/history.jsonl":         true,
		"packages/web/.next/cache/x":      true,
		"packages/web/src/main.ts":        false,
	} {
		if got := Unseen(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestManager(t *testing.T) {
	for file, want := range map[string]string{
		"/opt/node/lib/node_modules/npm/bin/npm-cli.js":                    "/opt/node/lib/node_modules/npm",
		"/opt/node/lib/node_modules/npm/node_modules/abbrev/lib/index.js":  "/opt/node/lib/node_modules/npm",
		"/root/.local/share/pnpm/9/node_modules/@pnpm/exe/pnpm":            "/root/.local/share/pnpm/9/node_modules/@pnpm/exe",
		"/usr/lib/node_modules/npm-run-all/bin/npm-run-all.js":             "",
		"/usr/lib/node_modules/typescript/node_modules/npm/bin/npm-cli.js": "", // a dependency of something else
		"/usr/lib/node_modules/npm":                                        "",
		"/usr/bin/npm":                                                     "",
	} {
		if got := Manager(file); got != want {
			t.Errorf("%s: %q", file, got)
		}
	}
}
