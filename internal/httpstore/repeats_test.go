package httpstore

import "testing"

func TestPartsOfASecretAreNotRepeated(t *testing.T) {
	const secret = "tok-sesame-4711"
	for _, tt := range []struct {
		text, secret string
		want         bool
	}{
		{"the token tok-sesame-4711 is not known", secret, true},
		{"the token tok-sesa… is not known", secret, true},
		{"the token …ame-4711 is not known", secret, true},
		{"the token is not known", secret, false},
		{"the token tok-… is not known", secret, false},
		{"not acme", "acme", true},
		{"not known", "", false},
	} {
		if got := repeats(tt.text, tt.secret); got != tt.want {
			t.Errorf("%q of %q: %v", tt.text, tt.secret, got)
		}
	}
}
