package sighting

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestIdentity(t *testing.T) {
	for args, want := range map[string]string{
		"node /ws/node_modules/.bin/tsc -p .":                                                     "tsc -p .",
		"/usr/bin/node --max-old-space-size=4096 /ws/node_modules/typescript/bin/tsc":             "tsc",
		"node /ws/node_modules/.pnpm/webpack-cli@6.0.1/node_modules/webpack-cli/bin/cli.js build": "webpack-cli build",
		"node /ws/.yarn/cache/typescript-npm-5.9.3-1.zip/node_modules/typescript/bin/tsc":         "tsc",
		"node -r /ws/.pnp.cjs /ws/scripts/build.js":                                               "node ../../scripts/build.js",
		"/ws/node_modules/@esbuild/linux-x64/bin/esbuild --bundle":                                "esbuild --bundle",
		"/tmp/xfs-1a2b/tsc -p .":                                              "tsc -p .",
		"gcc -o /ws/packages/core/x.o /usr/include/x.h /tmp/cc1.s":            "gcc -o x.o x.h '<temp>'",
		"A=1 env -u X B=2 timeout -k 5 60 cross-env C=3 tsc":                  "tsc",
		"deploy --token abc --npm-token=abc --key=x":                          "deploy --token '…' '--npm-token=…' --key=x",
		"deploy ghp_0123456789abcdef https://me:secret@host/x":                "deploy '…' 'https://…@host/x'",
		"docker run -e NPM_TOKEN=abc --author me auth/x -H Authorization:abc": "docker run -e 'NPM_TOKEN=…' --author me auth/x -H 'Authorization:…'",
		"python3 -m pytest": "python3 -m pytest",
	} {
		if got := identity([][]string{strings.Fields(args)}, "/ws/packages/core", "/ws"); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}

func TestHandsOut(t *testing.T) {
	for text, want := range map[string]bool{
		"wireit": true, "tsc && make -j4": true, "npx concurrently 'tsc -w' x": true, "env A=1 npm run x": true,
		"for p in a b; do yarn run $p; done": true, "sh -c 'nx run-many'": true, "xargs -P4 tsc": true, "node --run build": true,
		"node node_modules/lage/bin/lage.js build": true, "bun run x": true,
		"tsc -p .": false, "node make.js": false, "xargs rm": false, "echo 'npm run x'": false, "jest": false, "bun test": false, "": false,
	} {
		if got := HandsOut(text); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func FuzzCommand(f *testing.F) {
	f.Add("sh\x00-c\x00cd x && tsc -p .", "/ws/packages/core")
	f.Add("node\x00-r\x00x\x00/ws/node_modules/.bin/tsc\x00--token=x", "/ws")
	f.Add("npm run build", "")
	f.Add("env\x00-S\x00timeout", "..")
	f.Fuzz(func(t *testing.T, line, folder string) {
		args := strings.Split(line, "\x00")
		p := read(args)
		commands := [][]string{args}
		if p.text != "" {
			commands = commandsOf(p.text)
		}
		text := identity(commands, folder, "/ws")
		if len(text) > longestCommand || !utf8.ValidString(text) {
			t.Errorf("%q of %d bytes", text, len(text))
		}
		if identity(commands, folder, "/ws") != text {
			t.Error("it differs between two calls")
		}
	})
}
