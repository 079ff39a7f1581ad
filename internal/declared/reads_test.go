package declared

import (
	"fmt"
	"testing"
)

func TestReads(t *testing.T) {
	for _, tt := range []struct{ claim, files, want string }{
		{"none are declared", `-- turbo.json --
{"tasks": {"build": {}}}`, "{false [] false}"},
		{"turbo's stand in place of the package's", `-- turbo.json --
{"tasks": {"build": {"inputs": ["src/**", "!src/*.test.ts", "../b/x", "$TURBO_ROOT$/c.json"]}}}`,
			"{true [packages/a/src/** !packages/a/src/*.test.ts packages/b/x c.json] false}"},
		{"or beside them", `-- turbo.json --
{"tasks": {"build": {"inputs": ["$TURBO_DEFAULT$", "!README.md", "../b/x"]}}}`, "{false [!packages/a/README.md packages/b/x] false}"},
		{"so do Nx's, if they name any of the package", `-- nx.json --
{"namedInputs": {"base": ["{workspaceRoot}/tsconfig.base.json"]}, "targetDefaults": {"build": {"inputs": ["base", "{projectRoot}/src/**", "!{projectRoot}/src/*.test.ts"]}}}`,
			"{true [tsconfig.base.json packages/a/src/** !packages/a/src/*.test.ts] true}"},
		{"with all of the package", `-- nx.json --
{"targetDefaults": {"build": {"inputs": ["default", "!{projectRoot}/README.md", "^default"]}}}`, "{false [!packages/a/README.md] true}"},
		{"and if one is not understood", `-- nx.json --
{"targetDefaults": {"build": {"inputs": ["{projectRoot}/src/**", {"runtime": "x"}]}}}`, "{false [packages/a/src/**] true}"},
		{"those of others are beside them, and leave nothing out", `-- package.json --
{"name": "top", "private": true, "workspaces": ["packages/*"], "lage": {"pipeline": {"build": {"inputs": ["src/**", "!x", "../../y"]}}}}`,
			"{false [packages/a/src/** y] false}"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			ws, c := repository(t, tt.files)
			m, err := Load(ws, c)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(m.Task(ws.At("packages/a"), "build", "build").Reads); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
