package diagnostics

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func decisive(text string) []string {
	return Read(strings.NewReader(text), int64(len(text))).Lines
}

// TestDecisive: of what tools really print, with and without colours, the lines remain that
// tell what is wrong and where. The version of each tool is in testdata/README.md.
func TestDecisive(t *testing.T) {
	crash := []string{"TypeError: the configuration is incomplete", "    at work (/repo/nd/throw.js:2:22)"}
	want := map[string][]string{
		"tsc":                   {"a.ts(1,14): error TS2322: Type 'string' is not assignable to type 'number'."},
		"tsc-colour":            {"a.ts:1:14 - error TS2322: Type 'string' is not assignable to type 'number'."},
		"eslint":                {"/repo/es/a.js", "  2:1  error    'missing' is not defined                     no-undef"},
		"vitest":                {" FAIL  sum.test.ts > sum > adds", "AssertionError: expected 2 to be 3 // Object.is equality", " ❯ sum.test.ts:3:60"},
		"jest":                  {"FAIL ./sum.test.js", "  ● sum › adds", "    expect(received).toBe(expected) // Object.is equality", "    Expected: 3", "    Received: 2", "      at Object.toBe (sum.test.js:2:60)"},
		"mocha":                 {"  1) sum", "       adds:", "      AssertionError [ERR_ASSERTION]: 2 == 3", "      at Context.<anonymous> (test.js:1:74)"},
		"node-test":             {"    not ok 1 - adds", "      location: '/repo/nd/nt.test.js:3:25'", "      error: '2 == 3'"},
		"node-test-spec":        {"test at nt.test.js:3:25", "✖ adds (55.979972ms)", "  AssertionError [ERR_ASSERTION]: 2 == 3", "      at TestContext.<anonymous> (/repo/nd/nt.test.js:3:51)"},
		"node-test-spec-colour": {"test at nt.test.js:3:25", "✖ adds (2.327148ms)", "  AssertionError [ERR_ASSERTION]: 2 == 3", "      at TestContext.<anonymous> (/repo/nd/nt.test.js:3:51)"},
		"esbuild":               {`✘ [ERROR] Could not resolve "./gone"`, "    b.ts:1:7:", `      1 │ import "./gone"; export const x = 1;`},
		"webpack":               {"ERROR in ./index.js 1:0-26", "Module not found: Error: Can't resolve './gone' in '/repo/wp'"},
		"rollup":                {`[!] RollupError: Could not resolve "./gone.js" from "main.js"`, "main.js"},
		"rollup-syntax":         {"[!] RollupError: bad.js (2:8): Expression expected", "bad.js (2:8)", "1: export const a = 1;", "2: let x = ;"},
		"vite":                  {`Could not resolve "./gone.js" from "main.js"`, "file: /repo/vi/main.js"},
		"node-throw":            crash,
		"node-esm":              {"Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/repo/nd/nowhere.mjs' imported from /repo/nd/esm.mjs"},
		"node-cjs":              {"Error: Cannot find module 'left-pad-nowhere'", "Require stack:", "- /repo/nd/cjs.js", "    at Object.<anonymous> (/repo/nd/cjs.js:1:1)"},
		"node-syntax":           {"/repo/nd/syntax.js:1", "SyntaxError: Unexpected token ';'"},
		"node-reject":           {"Error: nobody catches this", "    at file:///repo/nd/reject.mjs:1:16"},
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) != 2*(len(want)-2) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		lines, ok := want[name]
		if !ok {
			lines = want[strings.TrimSuffix(name, "-colour")]
		}
		if got := decisive(string(text)); !slices.Equal(got, lines) {
			t.Errorf("%s: got\n%s", name, strings.Join(got, "\n"))
		}
	}
	for _, tt := range []struct {
		claim, text string
		want        []string
	}{
		{"frames that Next hides are no place", "> Build error occurred\nError: Failed to transpile \"next.config.ts\".\n    at ignore-listed frames {\n  [cause]: [Object]\n}\n", []string{`Error: Failed to transpile "next.config.ts".`}},
		{"the first report counts", "x.ts(1,1): error TS1: first\nx.ts(2,1): error TS2: second\n", []string{"x.ts(1,1): error TS1: first"}},
		{"with the lines that explain it", "x.ts(1,1): error TS1: no\n  Type 'a' is not 'b'.\n    Deeper.\nother\n", []string{"x.ts(1,1): error TS1: no", "  Type 'a' is not 'b'.", "    Deeper."}},
		{"a tool's report goes before what was only printed", "Error: caught\n" + strings.Repeat("fine\n", 100) + "ERROR in ./a.js\nno\n", []string{"ERROR in ./a.js", "no"}},
		{"of errors that were printed the last counts", "Error: one\n    at f (/a.js:1:1)\nError: two\n    at g (/b.js:2:2)\n", []string{"Error: two", "    at g (/b.js:2:2)"}},
		{"the place is in the user's code", "Error: x\n    at dep (/r/node_modules/dep/i.js:1:1)\n    at mine (/r/a.js:3:4)\n", []string{"Error: x", "    at mine (/r/a.js:3:4)"}},
		{"V8's last words", "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n----- Native stack trace -----\n 1: 0xb\n", []string{"FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"}},
		{"else the last lines", "a\n\nb\nc\nd\ne\nf\n\n", []string{"b", "c", "d", "e", "f"}},
		{"nothing", "", nil},
		{"nothing but blank lines", "\n \n", nil},
		{"what would act is escaped", "error: \x1b[2J\x1b]0;title\x07a\rb\u202e\xff##[x]\tend\n", []string{`error: a\rb\u202e\xff##\x5bx]  end`}},
		{"a long line is cut", "error: " + strings.Repeat("é", 1000), []string{"error: " + strings.Repeat("é", 116) + "…"}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := decisive(tt.text); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestDecisiveInMuch: a log may be larger than memory, and so may one of its lines.
func TestDecisiveInMuch(t *testing.T) {
	const tsc = "x.ts(1,1): error TS1: no\n"
	much := strings.Repeat("0123456789abcdef 0123456789abcdef\n", 9<<20/34)
	line := strings.Repeat("x", 9<<20) + "\n"
	for claim, text := range map[string]string{
		"at its end": much + tsc, "at its beginning": tsc + much, "behind a line of 9 MB": line + tsc, "before one": tsc + line, "in one of two ends": tsc + much + "y.ts(1,1): error TS2: last\n",
	} {
		want := []string{strings.TrimSpace(tsc)}
		if claim == "in one of two ends" {
			want = []string{"y.ts(1,1): error TS2: last"}
		}
		if got := decisive(text); !slices.Equal(got, want) {
			t.Errorf("%s: %q", claim, got)
		}
	}
	if got := decisive(line); len(got) != 1 || len(got[0]) > longestKept+len("…") {
		t.Errorf("one line: %.300q", got)
	}
	if got := decisive("error: " + strings.Repeat("x", 220) + " the-secret-is-not-cut\n"); len(got) != 1 || !strings.HasSuffix(got[0], "x…") {
		t.Errorf("a word is cut: %q", got)
	}
	s := scan(strings.NewReader(much))
	if len(s.window) > 2*(before+after) || len(s.open) > 0 {
		t.Errorf("it holds %d lines", len(s.window))
	}
}

func FuzzDecisive(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := decisive(text)
		if len(got) > mostLines {
			t.Fatalf("%d lines", len(got))
		}
		for _, line := range got {
			if len(line) > longestKept+len("…") || strings.ContainsAny(line, "\n\r\x1b") {
				t.Fatalf("%q", line)
			}
		}
		if pieces := scan(iotest.OneByteReader(strings.NewReader(text))); !slices.Equal(pieces.best(), scan(strings.NewReader(text)).best()) {
			t.Fatalf("in pieces: %q", pieces.best())
		}
	})
}
