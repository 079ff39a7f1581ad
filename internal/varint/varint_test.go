package varint

import (
	"encoding/binary"
	"testing"
)

func TestReader(t *testing.T) {
	b := AppendText(nil, "one")
	b = binary.AppendVarint(b, -2)
	b = binary.AppendUvarint(b, 3)
	b = append(binary.AppendVarint(b, 1), 4)
	r := Reader{Rest: b}
	if text, a, n, count, last := r.Text(), r.Signed(), r.Unsigned(), r.Count(), r.Take(1); text != "one" || a != -2 || n != 3 || count != 1 || len(last) != 1 || r.Bad || len(r.Rest) > 0 {
		t.Errorf("%q %d %d %d %v %+v", text, a, n, count, last, r)
	}
	for claim, b := range map[string][]byte{
		"nothing": nil, "half a number": {0x80}, "a text that is cut": {3, 'a'}, "a number that is too long": {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1},
	} {
		r := Reader{Rest: b}
		if text := r.Text(); text != "" || !r.Bad || r.Signed() != 0 || r.Unsigned() != 0 || r.Take(0) != nil {
			t.Errorf("%s: %q, %+v", claim, text, r)
		}
	}
	if r := (Reader{Rest: binary.AppendVarint(nil, 5)}); r.Count() != 0 || !r.Bad {
		t.Error("more is counted than there can be")
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendText(nil, "text"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := Reader{Rest: text}
		for range 20 {
			r.Take(r.Unsigned())
			r.Signed()
			r.Count()
			_ = r.Text()
		}
		if len(r.Rest) > len(text) {
			t.Error("it grows")
		}
	})
}
