package process

import "testing"

func TestHeadline(t *testing.T) {
	for output, want := range map[string]string{
		"":             "",
		"one\ntwo\n\n": "two",
		"a.js:1\nthrow x\n\nTypeError: no\n    at a.js:1:7\n\nNode.js v20.20.2\n": "TypeError: no",
		"TypeError [ERR_X]: bad\n    at b\n":                                      "TypeError [ERR_X]: bad",
		"panic: gone\n\ngoroutine 1 [running]:\nmain.main()\n":                    "panic: gone",
		"Traceback (most recent call last):\nValueError: x\n":                     "ValueError: x",
	} {
		if got := Headline(output); got != want {
			t.Errorf("%q: got %q, want %q", output, got, want)
		}
	}
}

func TestTail(t *testing.T) {
	var small, large tail
	all := ""
	for n := range 3000 {
		chunk := string(rune('a'+n%26)) + "0123456789"
		all += chunk
		_, _ = small.Write([]byte(chunk))
	}
	_, _ = large.Write([]byte(all))
	if want := all[len(all)-tailSize:]; small.String() != want || large.String() != want {
		t.Error("a tail is not the end of what was written")
	}
}
