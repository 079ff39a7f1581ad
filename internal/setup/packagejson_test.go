package setup

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/tailscale/hujson"
	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/packagejson"
)

func all() []entry { // what addPackage inserts
	return append(scripts[:len(scripts):len(scripts)], entry{field: "devDependencies", name: "heapmage", value: "1.2.3"})
}

func insertAll(t interface{ Fatal(...any) }, text []byte) []byte {
	for _, e := range all() {
		var err error
		if text, _, err = insert(text, e); err != nil {
			t.Fatal(err)
		}
	}
	return text
}

func TestInsert(t *testing.T) {
	for _, tt := range []struct{ claim, before, after string }{
		{"two spaces", `{
  "name": "a",
  "scripts": {
    "build": "tsc",
    "test": "jest",
    "lint": "eslint"
  },
  "devDependencies": {
    "eslint": "9",
    "jest": "30"
  }
}
`, `{
  "name": "a",
  "scripts": {
    "build": "tsc",
    "build:managed": "heapmage build:managed",
    "build:safe": "heapmage build:safe",
    "memory:doctor": "heapmage memory:doctor",
    "test": "jest",
    "lint": "eslint"
  },
  "devDependencies": {
    "eslint": "9",
    "heapmage": "1.2.3",
    "jest": "30"
  }
}
`},
		{"the order of names", "{\n\t\"scripts\": {\n\t\t\"a\": \"1\",\n\t\t\"build\": \"2\",\n\t\t\"lint\": \"3\"\n\t},\n\t\"devDependencies\": {}\n}",
			"{\n\t\"scripts\": {\n\t\t\"a\": \"1\",\n\t\t\"build\": \"2\",\n\t\t\"build:managed\": \"heapmage build:managed\",\n\t\t\"build:safe\": \"heapmage build:safe\",\n\t\t\"lint\": \"3\",\n\t\t\"memory:doctor\": \"heapmage memory:doctor\"\n\t},\n\t\"devDependencies\": {\n\t\t\"heapmage\": \"1.2.3\"\n\t}\n}"},
		{"line ends of Windows, four spaces, a byte order mark and no scripts", "\xef\xbb\xbf{\r\n    \"name\": \"a\"\r\n}\r\n",
			"\xef\xbb\xbf{\r\n    \"name\": \"a\",\r\n    \"scripts\": {\r\n        \"build:managed\": \"heapmage build:managed\",\r\n        \"build:safe\": \"heapmage build:safe\",\r\n        \"memory:doctor\": \"heapmage memory:doctor\"\r\n    },\r\n    \"devDependencies\": {\r\n        \"heapmage\": \"1.2.3\"\r\n    }\r\n}\r\n"},
		{"one line", `{"name":"a","scripts":{"x":"y"}}`,
			`{"name":"a","scripts":{"build:managed":"heapmage build:managed","build:safe":"heapmage build:safe","memory:doctor":"heapmage memory:doctor","x":"y"},"devDependencies":{"heapmage":"1.2.3"}}`},
		{"one line with spaces", `{ "name": "a", "scripts": {} }`,
			`{ "name": "a", "scripts": {"build:managed": "heapmage build:managed","build:safe": "heapmage build:safe","memory:doctor": "heapmage memory:doctor"}, "devDependencies": {"heapmage": "1.2.3"} }`},
		{"an empty object", "{}", "{\n  \"scripts\": {\n    \"build:managed\": \"heapmage build:managed\",\n    \"build:safe\": \"heapmage build:safe\",\n    \"memory:doctor\": \"heapmage memory:doctor\"\n  },\n  \"devDependencies\": {\n    \"heapmage\": \"1.2.3\"\n  }\n}"},
		{"the last of two, and an escape", `{"scripts": {"old": "1"}, "scr\u0069pts": {"b\u0075ild": "2", "a": "3"}, "devDependencies": {"h\u0065apmage": "1.2.3"}}`,
			`{"scripts": {"old": "1"}, "scr\u0069pts": {"b\u0075ild": "2", "build:managed": "heapmage build:managed", "build:safe": "heapmage build:safe", "memory:doctor": "heapmage memory:doctor", "a": "3"}, "devDependencies": {"h\u0065apmage": "1.2.3"}}`},
		{"comments, as bun allows them", "{\n  // a\n  \"scripts\": { // b\n    \"dev\": \"x\", // c\n  },\n  \"devDependencies\": {\n    // none\n  },\n}\n",
			"{\n  // a\n  \"scripts\": { // b\n    \"build:managed\": \"heapmage build:managed\",\n    \"build:safe\": \"heapmage build:safe\",\n    \"dev\": \"x\",\n    \"memory:doctor\": \"heapmage memory:doctor\", // c\n  },\n  \"devDependencies\": {\n    \"heapmage\": \"1.2.3\"\n    // none\n  },\n}\n"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got := insertAll(t, []byte(tt.before))
			if string(got) != tt.after {
				t.Errorf("got\n%s\nwant\n%s", got, tt.after)
			}
			if again := insertAll(t, got); !bytes.Equal(again, got) {
				t.Errorf("a second time changes it:\n%s", again)
			}
		})
	}
}

func TestInsertLeavesWhatIsThere(t *testing.T) {
	const text = `{"scripts": {"build:managed": "mine", "build:safe": 7}}`
	for _, e := range scripts[:2] {
		if after, other, err := insert([]byte(text), e); string(after) != text || !other || err != nil {
			t.Errorf("%s: got %s, %v, %v", e.name, after, other, err)
		}
	}
}

func TestInsertRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"[]":                    "package.json:1: it is not an object",
		"{\n\"scripts\": [\n]}": `package.json:2: "scripts" is not an object`,
		`{"scripts": null}`:     `package.json:1: "scripts" is not an object`,
		`{"scripts": `:          "package.json: invalid JSON",
	} {
		if _, _, err := insert([]byte(text), scripts[0]); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestInsertIsAllThatChanges: without what is inserted the text is as it was, and all values but
// the new ones stay, in any text.
func TestInsertIsAllThatChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := manifests(t)
		for _, e := range all() {
			before, mistake := packagejson.ParseLoose(text)
			if mistake != nil {
				t.Fatalf("the test wrote a wrong text: %v\n%s", mistake, text)
			}
			after, other, err := insert(text, e)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if bytes.Equal(after, text) != (other || before.Texts(e.field)[e.name] == e.value) {
				t.Fatalf("%s: changed or left without need:\n%s", e.name, after)
			}
			same := 0
			for same < len(text) && text[same] == after[same] {
				same++
			}
			if rest := text[same:]; !bytes.HasSuffix(after[same:], rest) {
				t.Fatalf("something was removed:\n%q\n%q", text, after)
			}
			want := before.Texts(e.field)
			if want == nil {
				want = map[string]string{}
			}
			if !other {
				want[e.name] = e.value
			}
			m, mistake := packagejson.ParseLoose(after)
			if mistake != nil {
				t.Fatalf("%v\n%s\n%s", mistake, text, after)
			}
			if !maps.Equal(m.Texts(e.field), want) {
				t.Fatalf("%v, want %v", m.Texts(e.field), want)
			}
			if got, want := without(t, after, e.field), without(t, text, e.field); got != want {
				t.Fatalf("other fields changed: %s, were %s", got, want)
			}
			text = after
		}
	})
}

// without is a manifest without a field, in one form.
func without(t *rapid.T, text []byte, field string) string {
	plain, err := hujson.Standardize(bytes.TrimPrefix(bytes.Clone(text), []byte("\xef\xbb\xbf")))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(plain, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, field)
	one, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(one)
}

// manifests writes a package.json in any style that parsers read.
func manifests(t *rapid.T) []byte {
	space := func(name string) string {
		return rapid.SampledFrom([]string{"", "", " ", "\t", "\n", "\n  ", "\n    ", "\r\n\t", "\n\n  ", " // x\n  ", " /* x */ ", "/* a\n b */"}).Draw(t, name)
	}
	names := rapid.SampledFrom([]string{"build", "b\\u0075ild", "test", "a", "zod", "build:managed", "heapmage", "é", "\\ud83d\\ude00", "@x/y", "x\\\"y", "__proto__"})
	object := func(values func() string, names *rapid.Generator[string]) string {
		n := rapid.IntRange(0, 4).Draw(t, "members")
		text := "{"
		for i := range n {
			if i > 0 {
				text += ","
			}
			text += space("before name") + `"` + names.Draw(t, "name") + `"` + space("after name") + ":" + space("before value") + values() + space("after value")
			if i == n-1 && rapid.Bool().Draw(t, "trailing comma") {
				text += "," + space("after comma")
			}
		}
		if n == 0 {
			text += space("in nothing")
		}
		return text + "}"
	}
	values := func() string {
		return rapid.SampledFrom([]string{`"x"`, `"1.2.3"`, `"heapmage build:managed"`, `"\u00e9 \/ {"`}).Draw(t, "value")
	}
	top := rapid.SampledFrom([]string{"scripts", "scr\\u0069pts", "devDependencies", "name", "dependencies"})
	text := space("first") + object(func() string { return object(values, names) }, top) + space("last")
	if rapid.Bool().Draw(t, "mark") {
		text = "\xef\xbb\xbf" + text
	}
	return []byte(text)
}
