package scripttext

import (
	"strings"
	"testing"
)

func TestEntrypoints(t *testing.T) {
	for _, tt := range []struct{ claim, text, want string }{
		{"a file", "node scripts/build.mjs", "scripts/build.mjs"},
		{"several", "node a.js && tsc; node ./b.cjs || node c.ts arg.js", "a.js b.cjs c.ts"},
		{"behind options", "node --enable-source-maps --import tsx -r ./hook.js main.ts", "main.ts"},
		{"behind variables", `A=1 B="2" node a.js && cross-env NODE_ENV=production node b.js`, "a.js b.js"},
		{"in quotes", `node "a.js"`, "a.js"},
		{"of another folder", "node ../../tools/a.js", "../../tools/a.js"},
		{"in the folder that the script goes to", "cd tools && node a.js && cd ../lib && node b.js", "tools/a.js lib/b.js"},
		{"not in a folder that the shell works out", "node a.js && cd $(dirname x) && node b.js", "a.js"},
		{"not behind a subshell", "(cd tools && node a.js) && node b.js", "tools/a.js"},
		{"not what is no file's name", "node $npm_package_main && node -e 'require(\"./a.js\")' && node . && node --test a.js", ""},
		{"not the argument of another program", "tsx a.js && ./node b.js", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := strings.Join(Entrypoints(tt.text), " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
