package packagejson

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	m, mistake := Parse([]byte("\xef\xbb\xbf" + `{"name": "a", "version": 1, "private": "true",
		"scripts": {"build": "tsc", "odd": 1}, "dependencies": {"b": "1"}, "devDependencies": []}`))
	if mistake != nil {
		t.Fatal(mistake)
	}
	if m.Name != "a" || m.Version != "" || !m.Private || m.Text[0] != '{' {
		t.Errorf("%+v", m)
	}
	if len(m.Scripts) != 1 || m.Scripts["build"] != "tsc" {
		t.Errorf("scripts %v", m.Scripts)
	}
	if m.Dependencies[0]["b"] != "1" || m.Dependencies[3] != nil {
		t.Errorf("dependencies %v", m.Dependencies)
	}
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "f: the file is empty",
		"\n\t":               "f: the file is empty",
		"null":               "f:1:1: holds null where an object is expected",
		"[]":                 "f:1:1: holds a list where an object is expected",
		`"a"`:                "f:1:1: holds a string where an object is expected",
		"false":              "f:1:1: holds true or false where an object is expected",
		"\xff\xfe{\x00}\x00": "f: the file is in UTF-16, which no package manager reads: save it as UTF-8",
		"\xfe\xff\x00{\x00}": "f: the file is in UTF-16, which no package manager reads: save it as UTF-8",
		"12":                 "f:1:1: holds a number where an object is expected",
		"{\n \"é\",":         "f:2:5: invalid JSON: invalid character ',' after object key",
	} {
		_, mistake := Parse([]byte(text))
		if mistake == nil || mistake.In("f")+": "+mistake.What != want {
			t.Errorf("%q: got %v, want %q", text, mistake, want)
		}
	}
}

func TestWorkspaces(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                         "",
		`{"workspaces": null}`:       "",
		`{"workspaces": []}`:         "declared",
		`{"workspaces": ["a", "b"]}`: "declared a b",
		`{"workspaces": {}}`:         "declared",
		`{"workspaces": {"packages": ["a"], "nohoist": []}}`: "declared a",
		"{\n\"workspaces\": 1}":                              `declared: f:2:1: "workspaces" is neither a list of patterns nor an object with "packages"`,
	} {
		m, mistake := Parse([]byte(text))
		if mistake != nil {
			t.Fatal(mistake)
		}
		patterns, declared, mistake := m.Workspaces()
		got := ""
		if declared {
			got = strings.Join(slices.Concat([]string{"declared"}, patterns), " ")
		}
		if mistake != nil {
			got += ": " + mistake.In("f") + ": " + mistake.What
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
