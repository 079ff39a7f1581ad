package taskenv

import (
	"slices"
	"strings"
	"testing"
)

func TestInSource(t *testing.T) {
	for source, want := range map[string]string{
		`const a = process.env.API_URL`:                                           "API_URL",
		`process . env . A; process?.env?.B; process.env!.C`:                      "A B C",
		`process.env["A"] + process.env['B'] + process.env[` + "`C`" + `]`:        "A B C",
		`(process.env as Env).A + (process.env as Record<string, string>)["B"]`:   "A B",
		`import.meta.env.VITE_A; import.meta.env["B"]`:                            "B VITE_A",
		`const { A, B: b, C = "x", "D": d, ...rest } = process.env`:               "A B C D",
		"const {\n  A, // the first\n  /* the */ B,\n}: Env = process.env":        "A B",
		`const { A } = import.meta.env`:                                           "A",
		`const env = process.env; env.A; env["B"]`:                                "A B",
		`import { env } from "node:process"; env.A; const { B } = env`:            "A B",
		`import { env as e, argv } from "process"; e.A`:                           "A",
		`const { env: e } = require("process"); e.A`:                              "A",
		`const { env } = process; env.A`:                                          "A",
		`function f(env = process.env) { return env.A }`:                          "A",
		`Bun.env.A; Deno.env.get("B")`:                                            "A B get",
		`datasource db { url = env("DATABASE_URL") }`:                             "DATABASE_URL",
		`if ("A" in process.env) {}`:                                              "A",
		`import { A } from '$env/static/private'`:                                 "A",
		`import { env } from '$env/dynamic/public'; env.PUBLIC_A`:                 "PUBLIC_A env",
		`process.env[name]; process.env["a" + b]; process.env[` + "`X${b}`" + `]`: "",
		`myprocess.env.A; process.environment.B`:                                  "",
		`envelope.A`:                                                              "",
	} {
		if got := strings.Join(inSource([]byte(source)), " "); got != want {
			t.Errorf("%s\n  names %q, not %q", source, got, want)
		}
	}
}

func TestInScript(t *testing.T) {
	for text, want := range map[string]string{
		`cross-env NODE_ENV=production OUT=$DIST webpack`: "DIST",
		`echo ${A} "${B:-x}" '$C' && node -e "$D"`:        "A B C D",
		`echo %A% 100%`: "A",
		`tsc -p .`:      "",
		`A=1 node x.js`: "",
	} {
		if got := strings.Join(inScript(text), " "); got != want {
			t.Errorf("%s names %q, not %q", text, got, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("const { A, B: b } = process.env; `${env.X}`")
	f.Fuzz(func(t *testing.T, text string) {
		for _, names := range [][]string{inSource([]byte(text)), inScript(text)} {
			if !slices.IsSorted(names) || slices.Contains(names, "") {
				t.Errorf("%q", names)
			}
		}
	})
}
