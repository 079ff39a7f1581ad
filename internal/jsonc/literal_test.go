package jsonc

import "testing"

func TestLiteral(t *testing.T) {
	for text, want := range map[string]string{
		"module.exports = {a: 1, 'b-c': [true, undefined], d: \"it's\", e: 'a\\'b\"', f: `x`}": `{"a": 1, "b-c": [true, null], "d": "it's", "e": "a'b\"", "f": "x"}`,
		"// a\nmodule.exports = {\n  a: 'http://b', // c\n}":                                   "\n{\n  \"a\": \"http://b\",  \n}",
		"/* a */ export default {}":                                                            "{}",
		"let x = {a: {}}\nmodule.exports = x":                                                  `{"a": {}}`,
		"module.exports = {a: `${b}`}":                                                         "",
		"module.exports = {a: 'b\n'}":                                                          "",
		"module.exports = {a: '\\x41'}":                                                        "",
		"module.exports = () => ({})":                                                          "",
		"const x = {a: 1}; x.b = 2; module.exports = x":                                        "",
		"const fs = require('fs'); module.exports = {}":                                        "",
		"module.exports = {'a":                                                                 "",
		"":                                                                                     "",
	} {
		if got, ok := literal(text); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", text, got, ok, want)
		}
	}
}

func FuzzLiteral(f *testing.F) {
	f.Add("module.exports = {a: 'b', // c\n 'd': [`e`]};")
	f.Fuzz(func(t *testing.T, text string) {
		if object, ok := literal(text); ok && object == "" {
			t.Error("nothing counts as an object")
		}
	})
}
