package envelope

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/objectstore"
	"github.com/heapmage/heapmage/internal/signature"
)

func key(t testing.TB) signature.Secret {
	t.Helper()
	secret, err := signature.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func seal(t testing.TB, h Header, key signature.Secret, parts ...string) []byte {
	t.Helper()
	var contents []objectstore.Content
	for _, part := range parts {
		contents = append(contents, Bytes([]byte(part)))
	}
	c, err := Seal(h, key, contents...)
	if err != nil {
		t.Fatal(err)
	}
	from, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(from)
	if err := errors.Join(err, from.Close()); err != nil || int64(len(text)) != c.Size {
		t.Fatalf("%d of %d bytes: %v", len(text), c.Size, err)
	}
	return text
}

// read opens an object, and reads all of it.
func read(text []byte, name string, trust Trust) (parts []string, err error) {
	o, err := Open(bytes.NewReader(text), name, 1<<20, trust)
	if err != nil {
		return nil, err
	}
	for {
		var part bytes.Buffer
		switch err := o.Next(&part); {
		case errors.Is(err, io.EOF):
			return parts, nil
		case err != nil:
			return nil, err
		}
		parts = append(parts, part.String())
	}
}

func TestObject(t *testing.T) {
	secret := key(t)
	trust := Trust{Keys: []signature.Public{key(t).Public(), secret.Public()}}
	text := seal(t, Header{Name: "trusted/results/ab", Takes: time.Second}, secret, "one", "", "three")
	parts, err := read(text, "trusted/results/ab", trust)
	if err != nil || !slices.Equal(parts, []string{"one", "", "three"}) {
		t.Fatalf("%q, %v", parts, err)
	}
	o, err := Open(bytes.NewReader(text), "trusted/results/ab", 1<<20, trust)
	if err != nil || o.Takes != time.Second || o.Size() != 8 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestPartsOfSnappyAreOneStream(t *testing.T) {
	pack := func(text string) string {
		var packed bytes.Buffer
		w := snappy.NewBufferedWriter(&packed)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return packed.String()
	}
	text := seal(t, Header{Name: "a"}, key(t), pack("one, "), pack("two"))
	all, err := io.ReadAll(snappy.NewReader(bytes.NewReader(text)))
	if err != nil || string(all) != "one, two" {
		t.Errorf("%q, %v", all, err)
	}
}

func TestWhatDoesNotCount(t *testing.T) {
	secret, other := key(t), key(t)
	const name = "trusted/results/ab"
	keys := Trust{Keys: []signature.Public{secret.Public()}}
	whole := seal(t, Header{Name: name}, secret, "content")
	change := func(old, with string) []byte {
		if !bytes.Contains(whole, []byte(old)) {
			t.Fatalf("%q is not in it", old)
		}
		return bytes.Replace(whole, []byte(old), []byte(with), 1)
	}
	for _, tt := range []struct {
		claim string
		text  []byte
		trust Trust
		want  string
	}{
		{"an unsigned object", seal(t, Header{Name: name}, signature.Secret{}, "content"), keys, "not signed"},
		{"one that another has signed", seal(t, Header{Name: name}, other, "content"), keys, "not among the trusted"},
		{"one that another has signed, where unsigned ones count beside keys", seal(t, Header{Name: name}, other, "content"), Trust{keys.Keys, true}, "not among the trusted"},
		{"one of another name", seal(t, Header{Name: "trusted/results/cd"}, secret, "content"), keys, "another name"},
		{"one of another tier", seal(t, Header{Name: "pull-1/results/ab"}, secret, "content"), keys, "another name"},
		{"one whose name was changed", change(name, "trusted/results/xx"), keys, "signature is wrong"},
		{"one whose content was changed", change("content", "contenT"), keys, "digest is wrong"},
		{"one with another signature", append(slices.Clone(whole[:len(whole)-len("content")-1]), append([]byte{whole[len(whole)-len("content")-1] ^ 1}, "content"...)...), keys, "signature is wrong"},
		{"one that goes on", append(slices.Clone(whole), '!'), keys, "does not end"},
		{"one of another version", change(`"format":1`, `"format":2`), keys, "another version"},
		{"something else", []byte(strings.Repeat("x", 1000)), keys, "no object"},
		{"nothing", nil, keys, "incomplete"},
		{"one that is too large", seal(t, Header{Name: name}, secret, strings.Repeat("x", 1<<20+1)), keys, "more than 1 MB"},
		{"one with a header that is too long", append([]byte(streamStart), skipped, 255, 255, 255), keys, "no object"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if parts, err := read(tt.text, name, tt.trust); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q, %v; want an error with %q", parts, err, tt.want)
			}
		})
	}
	t.Run("one that was cut anywhere", func(t *testing.T) {
		for n := range whole {
			if _, err := read(whole[:n], name, keys); err == nil {
				t.Fatalf("%d bytes are enough", n)
			}
		}
	})
	t.Run("one of which any bit was changed", func(t *testing.T) {
		for n := range whole {
			text := slices.Clone(whole)
			text[n] ^= 1 << (n % 8)
			if _, err := read(text, name, keys); err == nil {
				t.Fatalf("byte %d may be changed", n)
			}
		}
	})
	t.Run("sizes that overflow, though they are signed", func(t *testing.T) {
		h := Header{Format: format, Name: name, Key: secret.Public().ID(), Parts: []Part{{Size: 1 << 62}, {Size: 1 << 62}, {Size: -1}}}
		text, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, append([]byte{'\n'}, secret.Sign(message(text))...)...)
		first := append([]byte(streamStart), skipped, byte(len(text)), byte(len(text)>>8), 0)
		if _, err := read(append(first, text...), name, keys); err == nil || !strings.Contains(err.Error(), "more than") {
			t.Error(err)
		}
	})
}

func TestUnsignedWhereThatCounts(t *testing.T) {
	text := seal(t, Header{Name: "a"}, signature.Secret{}, "content")
	for _, trust := range []Trust{{Unsigned: true}, {Unsigned: true, Keys: []signature.Public{key(t).Public()}}} {
		if parts, err := read(text, "a", trust); err != nil || len(parts) != 1 {
			t.Errorf("%q, %v", parts, err)
		}
	}
	if parts, err := read(seal(t, Header{Name: "a"}, key(t), "content"), "a", Trust{Unsigned: true}); err != nil || len(parts) != 1 {
		t.Errorf("signed, where nobody asks for that: %q, %v", parts, err)
	}
}

func TestNoBytesMakeItPanic(t *testing.T) {
	secret := key(t)
	trust := Trust{Keys: []signature.Public{secret.Public()}}
	whole := seal(t, Header{Name: "a"}, secret, "content")
	rapid.Check(t, func(t *rapid.T) {
		text := slices.Clone(whole)
		for range rapid.IntRange(1, 20).Draw(t, "changes") {
			text[rapid.IntRange(0, len(text)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
		}
		if _, err := read(text, "a", trust); err == nil && !bytes.Equal(text, whole) {
			t.Fatalf("%q is taken", text)
		}
	})
}
