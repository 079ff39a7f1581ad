package diagnostics

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

func errorsIn(text string) Report { return Read(strings.NewReader(text), int64(len(text))) }

// TestFindings: each error that a tool prints has its place, with and without colours.
func TestFindings(t *testing.T) {
	want := map[string][]Finding{
		"tsc":            {{"a.ts", 1, 14, "TS2322: Type 'string' is not assignable to type 'number'."}, {"a.ts", 3, 13, "TS2322: Type 'number' is not assignable to type 'string'."}},
		"eslint":         {{"/repo/es/a.js", 2, 1, "'missing' is not defined (no-undef)"}, {"/repo/es/b.js", 2, 9, "Parsing error: Unexpected token ;"}},
		"vitest":         {{"sum.test.ts", 3, 60, "sum.test.ts > sum > adds\nAssertionError: expected 2 to be 3 // Object.is equality"}, {"sum.test.ts", 3, 115, "sum.test.ts > sum > throws\nTypeError: Cannot read properties of undefined (reading 'x')"}},
		"jest":           {{"sum.test.js", 2, 60, "sum › adds\nexpect(received).toBe(expected) // Object.is equality\nExpected: 3\nReceived: 2"}, {"sum.test.js", 2, 106, "sum › throws\nTypeError: Cannot read properties of undefined (reading 'x')"}, {"broken.test.js", 1, 1, "Test suite failed to run\nCannot find module './nowhere' from 'broken.test.js'"}},
		"mocha":          {{"test.js", 1, 74, "1) sum\nadds:\nAssertionError [ERR_ASSERTION]: 2 == 3"}},
		"node-test":      {{"/repo/nd/nt.test.js", 3, 25, "adds\n'2 == 3'"}},
		"node-test-spec": {{"nt.test.js", 3, 25, "adds (55.979972ms)\nAssertionError [ERR_ASSERTION]: 2 == 3"}},
		"esbuild":        {{"b.ts", 1, 7, "Could not resolve \"./gone\"\n1 │ import \"./gone\"; export const x = 1;"}, {"a.ts", 3, 9, "Unexpected \"=\"\n3 │ const y: = 2;"}},
		"webpack":        {{"./index.js", 1, 0, "Module not found: Error: Can't resolve './gone' in '/repo/wp'"}},
		"rollup-syntax":  {{"bad.js", 2, 8, "RollupError: bad.js (2:8): Expression expected\n1: export const a = 1;\n2: let x = ;"}},
		"vite":           {{"/repo/vi/main.js", 0, 0, "Could not resolve \"./gone.js\" from \"main.js\""}},
		"node-throw":     {{"/repo/nd/throw.js", 2, 22, "TypeError: the configuration is incomplete"}},
		"node-syntax":    {{"/repo/nd/syntax.js", 1, 0, "SyntaxError: Unexpected token ';'"}},
		"node-reject":    {{"/repo/nd/reject.mjs", 1, 16, "Error: nobody catches this"}},
		"node-cjs":       {{"/repo/nd/cjs.js", 1, 1, "Error: Cannot find module 'left-pad-nowhere'\nRequire stack:\n- /repo/nd/cjs.js"}},
	}
	for name, all := range want {
		for _, file := range []string{name, name + "-colour"} {
			text, err := os.ReadFile("testdata/" + file + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			got := errorsIn(string(text))
			if file == "node-test-spec-colour" {
				all[0].Message = strings.Replace(all[0].Message, "55.979972", "2.327148", 1)
			}
			if !reflect.DeepEqual(got.Errors, all) || got.More != 0 {
				t.Errorf("%s: %d more, got\n%s", file, got.More, indent(got.Errors))
			}
		}
	}
	for _, tt := range []struct {
		claim, text string
		want        []Finding
	}{
		{"what explains it belongs to it", "x.ts(1,1): error TS1: no\n  Type 'a' is not 'b'.\n    Deeper.\nother\n", []Finding{{"x.ts", 1, 1, "TS1: no\n  Type 'a' is not 'b'.\n    Deeper."}}},
		{"an error about no file", "error TS18003: No inputs were found in config file 'tsconfig.json'.\n", []Finding{{"", 0, 0, "error TS18003: No inputs were found in config file 'tsconfig.json'."}}},
		{"a path with spaces and signs", "C:\\my code\\a (1).tsx:10:4 - error TS1: no\n", []Finding{{"C:\\my code\\a (1).tsx", 10, 4, "TS1: no"}}},
		{"an error in the line of a progress bar", "10 %\r100 %\r\x1b[Ka.ts(1,1): error TS1: no\r\n", []Finding{{"a.ts", 1, 1, "TS1: no"}}},
		{"eslint -f unix", "/r/a.js:1:2: 'x' is not defined. [Error/no-undef]\n/r/a.js:1:2: x [Warning/x]\n", []Finding{{"/r/a.js", 1, 2, "'x' is not defined."}}},
		{"eslint -f compact", "/r/a.js: line 1, col 2, Error - 'x' is not defined. (no-undef)\n", []Finding{{"/r/a.js", 1, 2, "'x' is not defined. (no-undef)"}}},
		{"an error in a dependency has the place in one's own code", "Error: x\n    at dep (/r/node_modules/dep/i.js:1:1)\n    at async mine (/r/my a.js:3:4)\n", []Finding{{"/r/my a.js", 3, 4, "Error: x"}}},
		{"what is printed twice counts once", "a.ts(1,1): error TS1: no\na.ts(1,1): error TS1: no\n", []Finding{{"a.ts", 1, 1, "TS1: no"}}},
		{"the last lines are no error", "all\nis\nwell\n", nil},
		{"what would act is escaped", "a.ts(1,1): error TS1: \x1b]0;x\x07\u202e##[error]b\n", []Finding{{"a.ts", 1, 1, `TS1: \u202e##\x5berror]b`}}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := errorsIn(tt.text); !reflect.DeepEqual(got.Errors, tt.want) {
				t.Errorf("got\n%s", indent(got.Errors))
			}
		})
	}
}

func indent(all []Finding) string {
	var b strings.Builder
	for _, f := range all {
		fmt.Fprintf(&b, "%q %d %d %q\n", f.File, f.Line, f.Column, f.Message)
	}
	return b.String()
}

func TestManyFindings(t *testing.T) {
	var text strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&text, "a.ts(%d,1): error TS1: no\n", i+1)
	}
	if got := errorsIn(text.String()); len(got.Errors) != 10 || got.More != mostSeen-10 || got.Errors[9].Line != 10 {
		t.Errorf("%d and %d more, the last\n%s", len(got.Errors), got.More, indent(got.Errors))
	}
}
