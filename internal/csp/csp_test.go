package csp

import "testing"

func TestPolicy(t *testing.T) {
	got := Policy([]string{"a{}"}, []string{"alert('Hello, world.');", ""})
	// The hash is that of the example in the specification, Content Security Policy Level 3.
	want := "default-src 'none'; style-src 'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='; " +
		"script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
