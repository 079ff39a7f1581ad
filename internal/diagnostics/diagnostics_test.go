package diagnostics

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestAtEnd(t *testing.T) {
	for _, tt := range []struct {
		claim, text string
		want        bool
	}{
		{"tsc", "src/a.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'.\n", true},
		{"tsc for people, in colour", "\x1b[96msrc/a.ts\x1b[0m:\x1b[93m1\x1b[0m:\x1b[93m7\x1b[0m - \x1b[91merror\x1b[0m\x1b[90m TS2322: \x1b[0mType 'string'\r\n", true},
		{"tsc without a file", "error TS18003: No inputs were found in config file\n", true},
		{"tsc in a prefixed line", "web:build: src/a.ts(1,7): error TS2322: no\n", true},
		{"ts-jest", "● Test suite failed to run\n    src/a.ts:3:1 - error TS2304: Cannot find name 'x'.\n", true},
		{"eslint", "/w/a.js\n  12:5  error  'x' is not defined  no-undef\n", true},
		{"the end of eslint", "✖ 3 problems (1 error, 2 warnings)\n", true},
		{"eslint -f unix", "/w/a.js:1:2: 'x' is not defined. [Error/no-undef]\n", true},
		{"eslint -f compact", "/w/a.js: line 1, col 2, Error - 'x' is not defined. (no-undef)\n", true},
		{"oxlint", "Found 0 warnings and 1 error.\n", true},
		{"at the end of much else", strings.Repeat("fine\n", 5000) + "error TS1: no", true},
		{"warnings alone", "✖ 2 problems (0 errors, 2 warnings)\n  1:2  warning  x  y\n", false},
		{"a test that timed out", "thrown: \"Exceeded timeout of 5000 ms for a test.\"\n", false},
		{"an error of a program", "Error: connect ECONNREFUSED 127.0.0.1:5432\n    at a.js:12:5 error\n", false},
		{"the word in a name", "✓ reports error TSX when broken\n", false},
		{"far inside of a long line", strings.Repeat("x", 10000) + " error TS1: no\n", false},
		{"nothing", "", false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got, err := in(strings.NewReader(tt.text)); got != tt.want || err != nil {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	if text := strings.Repeat("x\n", 3<<20) + "error TS1: no\n"; !AtEnd(strings.NewReader(text), int64(len(text))) || AtEnd(strings.NewReader(""), 0) {
		t.Error("not at the end")
	}
	if _, err := in(iotest.ErrReader(errors.New("gone"))); err == nil {
		t.Error("no error of the reader")
	}
}

func FuzzAtEnd(f *testing.F) {
	f.Add("a.ts(1,7): error TS2322: no\n\x1b[91m")
	f.Fuzz(func(t *testing.T, text string) {
		whole, err := in(strings.NewReader(text))
		pieces, err2 := in(iotest.OneByteReader(strings.NewReader(text)))
		if whole != pieces || err != nil || err2 != nil {
			t.Fatalf("%v and %v, %v, %v", whole, pieces, err, err2)
		}
	})
}
