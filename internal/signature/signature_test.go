package signature

import (
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	secret, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseSecret(secret.Text())
	if err != nil {
		t.Fatal(err)
	}
	public, err := ParsePublic(again.Public().String())
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("a message")
	sign := secret.Sign(message)
	if !public.Verify(message, sign) {
		t.Error("its own signature is not right")
	}
	if public.Verify([]byte("another"), sign) || public.Verify(message, sign[1:]) || (Public{}).Verify(message, sign) {
		t.Error("what it did not sign is right")
	}
	if none := (Secret{}).Public(); none != (Public{}) || none.Verify(message, sign) {
		t.Error("no key verifies something")
	}
	other, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	if other.Public().Verify(message, sign) || other.Public().ID() == public.ID() {
		t.Error("another key is the same")
	}
}

func TestWordsThatAreNoKeys(t *testing.T) {
	secret, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	text, public := secret.Text(), secret.Public().String()
	for _, tt := range []struct{ claim, text string }{
		{"nothing", ""},
		{"another word", "secret"},
		{"a key of another version", strings.Replace(text, "-1:", "-2:", 1)},
		{"a key that was cut", text[:len(text)-1]},
		{"a key with more", text + "A"},
		{"a key with a blank", text + " "},
		{"a key with an odd letter", text[:len(text)-4] + "*" + text[len(text)-3:]},
		{"the prefix alone", secretPrefix},
		{"a public key", public},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			_, err := ParseSecret(tt.text)
			if err == nil {
				t.Fatal("it was taken")
			}
			if seed := strings.TrimPrefix(text, secretPrefix); strings.Contains(err.Error(), seed[:8]) {
				t.Errorf("the error holds the key: %v", err)
			}
		})
	}
	if _, err := ParsePublic(text); err == nil || !strings.Contains(err.Error(), "secret") {
		t.Errorf("a secret key in place of a public one: %v", err)
	}
}
