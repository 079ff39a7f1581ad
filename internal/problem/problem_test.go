package problem

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestError(t *testing.T) {
	for _, tt := range []struct {
		claim string
		err   Error
		want  string
	}{
		{"what is wrong is enough", Error{What: "no memory"}, "no memory"},
		{"the place comes first", Error{Where: "a.yaml:3", What: "bad key"}, "a.yaml:3: bad key"},
		{"the cause follows", Error{Where: "a.yaml", What: "cannot be read", Cause: fs.ErrPermission}, "a.yaml: cannot be read: permission denied"},
		{"the hint has a line to itself", Error{What: "no memory", Hint: "close a browser"}, "no memory\n💡 close a browser"},
		{"a cause and a hint of many lines take one each", Error{What: "it failed", Cause: errors.New("one\n  two\n"), Hint: "try\n\tagain"}, "it failed: one two\n💡 try again"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestExitStatus(t *testing.T) {
	for code, want := range map[int]int{0: ExitUsage, ExitFailed: ExitFailed, ExitNoMemory: ExitNoMemory, ExitOutOfMemory: ExitOutOfMemory} {
		if got := (&Error{Code: code}).ExitStatus(); got != want {
			t.Errorf("code %d: got %d, want %d", code, got, want)
		}
	}
}

func TestTheCauseCanBeFound(t *testing.T) {
	err := fmt.Errorf("build: %w", &Error{What: "cannot be read", Cause: fs.ErrNotExist})
	var p *Error
	if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &p) || p.What != "cannot be read" {
		t.Errorf("got %v, %+v", err, p)
	}
	if (&Error{What: "x"}).Unwrap() != nil {
		t.Error("an error without a cause has one")
	}
}

func TestMistake(t *testing.T) {
	for _, tt := range []struct {
		claim   string
		mistake Mistake
		want    string
	}{
		{"without a line it is the file's", Mistake{What: "is empty"}, "a.json: is empty"},
		{"with a line", Mistake{Line: 3, What: "bad"}, "a.json:3: bad"},
		{"with a column", Mistake{Line: 3, Column: 7, What: "bad"}, "a.json:3:7: bad"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := tt.mistake.In("a.json") + ": " + tt.mistake.What; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMistakeAt(t *testing.T) {
	const text = "ab\ncé!\n"
	for _, tt := range []struct {
		claim                string
		offset, line, column int
	}{
		{"the first byte", 0, 1, 1},
		{"a line end belongs to its line", 2, 1, 3},
		{"the next byte to the next", 3, 2, 1},
		{"a column counts characters", 6, 2, 3},
		{"an offset below the text is its start", -1, 1, 1},
		{"an offset beyond the text is its end", 99, 3, 1},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if m := MistakeAt([]byte(text), tt.offset, "bad"); *m != (Mistake{tt.line, tt.column, "bad"}) {
				t.Errorf("got %+v", *m)
			}
		})
	}
}
