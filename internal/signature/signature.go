// Package signature has the keys with which results are signed for a shared cache: Ed25519 (RFC 8032),
// written as one word that can stand in a file or a variable.
package signature

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

// The words that begin a key: what it is, and the version of the form. The rest is base64url, without
// padding: of the seed, or of the public key.
const (
	publicPrefix = "heapmage-public-1:"
	secretPrefix = "heapmage-secret-1:"
)

// Public is a key that tells whether a signature is right. The zero value is none.
type Public struct{ key string } // the 32 bytes, so that it can be compared

// Secret is a key that signs. The zero value is none.
type Secret struct{ key ed25519.PrivateKey }

// Generate makes a new pair of keys.
func Generate() (Secret, error) {
	_, key, err := ed25519.GenerateKey(nil)
	return Secret{key}, err
}

// ParsePublic reads what Public.String wrote.
func ParsePublic(text string) (Public, error) {
	if strings.HasPrefix(text, secretPrefix) {
		return Public{}, errors.New("it is a secret key: make a new pair, as this one is known now")
	}
	bytes, err := decode(text, publicPrefix, ed25519.PublicKeySize)
	return Public{string(bytes)}, err
}

// ParseSecret reads what Secret.Text wrote. The error holds no part of it.
func ParseSecret(text string) (Secret, error) {
	if strings.HasPrefix(text, publicPrefix) {
		return Secret{}, errors.New("it is a public key, which signs nothing")
	}
	seed, err := decode(text, secretPrefix, ed25519.SeedSize)
	if err != nil {
		return Secret{}, err
	}
	return Secret{ed25519.NewKeyFromSeed(seed)}, nil
}

func decode(text, prefix string, size int) ([]byte, error) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return nil, errors.New("it does not begin with " + prefix)
	}
	bytes, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil || len(bytes) != size {
		return nil, errors.New("it is incomplete, or has a letter that does not belong there")
	}
	return bytes, nil
}

// String is the key as it stands in a file.
func (p Public) String() string {
	return publicPrefix + base64.RawURLEncoding.EncodeToString([]byte(p.key))
}

// ID names the key: the first eight bytes of its SHA-256, in hexadecimal.
func (p Public) ID() string {
	sum := sha256.Sum256([]byte(p.key))
	return hex.EncodeToString(sum[:8])
}

// Verify reports whether a signature of a message was made with the secret key of this one.
func (p Public) Verify(message, signature []byte) bool {
	return len(p.key) == ed25519.PublicKeySize && ed25519.Verify(ed25519.PublicKey(p.key), message, signature)
}

// Text is the key as it stands in a variable. It is secret.
func (s Secret) Text() string {
	return secretPrefix + base64.RawURLEncoding.EncodeToString(s.key.Seed())
}

// IsZero reports whether there is no key.
func (s Secret) IsZero() bool { return len(s.key) == 0 }

// Public is the key that verifies what this one signs; none if this is none.
func (s Secret) Public() Public {
	if s.IsZero() {
		return Public{}
	}
	public, _ := s.key.Public().(ed25519.PublicKey)
	return Public{string(public)}
}

// Sign signs a message.
func (s Secret) Sign(message []byte) []byte { return ed25519.Sign(s.key, message) }
