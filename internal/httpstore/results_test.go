package httpstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
)

func TestResults(t *testing.T) {
	var result, content []byte
	endless := bytes.Repeat([]byte{0x20, 1}, 5000)
	_, bazel := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/ac/") {
			send := result
			for ok := true; ok; ok = bytes.HasPrefix(send, endless) && r.Context().Err() == nil {
				_, _ = w.Write(send)
			}
			return
		}
		_, _ = w.Write(content)
	})
	sum := digest("content")
	file := func(path, digest string, size int64) []byte {
		b := blob{digest, size}.result()
		return bytes.Replace(b, []byte(objectPath), []byte(path), 1)
	}
	const none = "none of heapmage's"
	for _, tt := range []struct {
		claim           string
		result, content []byte
		words           string
	}{
		{"an object", file("object", sum, 7), []byte("content"), ""},
		{"other fields are passed over", append([]byte{0x20, 1, 0x2d, 1, 2, 3, 4, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x32, 1, 'x'}, file("object", sum, 7)...), []byte("content"), ""},
		{"so are other files", append(file("other!", sum, 9), file("object", sum, 7)...), []byte("content"), ""},
		{"nothing", nil, nil, none},
		{"garbage", []byte("<html>"), nil, none},
		{"half a result", file("object", sum, 7)[:40], nil, none},
		{"a result without an object", file("other!", sum, 7), nil, none},
		{"two objects", append(file("object", sum, 7), file("object", sum, 7)...), nil, none},
		{"a digest that leads elsewhere", file("object", "../../secret"+sum[12:], 7), nil, none},
		{"one in upper case", file("object", strings.ToUpper(sum), 7), nil, none},
		{"one that is too short", file("object", sum[2:], 7), nil, none},
		{"a negative size", file("object", sum, -1), nil, none},
		{"a result without an end", endless, nil, "is too long"},
		{"a content that is larger", file("object", sum, 7), []byte("content and more"), "sends more than"},
		{"one that is smaller", file("object", sum, 7), []byte("con"), "unexpected EOF"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			result, content = tt.result, tt.content
			text, err := get(t.Context(), bazel)
			if tt.words != "" {
				told(t, err, nil, tt.words)
			} else if text != "content" || err != nil {
				t.Error(text, err)
			}
		})
	}
}

func FuzzReadResult(f *testing.F) {
	sum := sha256.Sum256(nil)
	f.Add(blob{hex.EncodeToString(sum[:]), 1 << 40}.result())
	f.Add([]byte{0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := readResult(text)
		if err != nil {
			return
		}
		if again, err := readResult(b.result()); again != b || err != nil || len(b.digest) != 64 || b.size < 0 {
			t.Errorf("%+v is read as %+v, %v", b, again, err)
		}
	})
}
