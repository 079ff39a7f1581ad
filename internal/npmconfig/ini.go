package npmconfig

import (
	"encoding/json"
	"strings"
)

// parse reads an .npmrc as npm's package ini does: a comment begins with ; or #, a quoted
// value is a JSON string, and a backslash keeps ; and # in a value that is not quoted. Keys
// in a [section] are no settings.
func parse(text []byte, env []string) map[string]value {
	values := map[string]value{}
	lines := strings.FieldsFunc(strings.TrimPrefix(string(text), "\ufeff"), func(r rune) bool { return r == '\n' || r == '\r' })
	for _, line := range lines {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == ';' || trimmed[0] == '#' {
			continue
		}
		if line[0] == '[' && strings.HasSuffix(trimmed, "]") {
			break // nothing below it is a setting of npm
		}
		key, text, assigned := strings.Cut(line, "=")
		if key = unquote(key); key == "" {
			continue
		}
		v := value{text: "true"}
		if assigned {
			v.text = expand(strings.TrimSpace(unquote(text)), env)
		}
		key, listed := strings.CutSuffix(key, "[]")
		key = expand(key, env)
		if listed {
			v.list = append(values[key].list, v.text)
		}
		if !secret(key) {
			values[key] = v
		}
	}
	return values
}

// unquote reads a key or a value.
func unquote(text string) string {
	text = strings.TrimSpace(text)
	for _, mark := range []string{`"`, `'`} {
		if !strings.HasPrefix(text, mark) || !strings.HasSuffix(text, mark) {
			continue
		}
		if mark == "'" {
			text = strings.TrimSuffix(text[1:], mark)
		}
		var inner string
		if json.Unmarshal([]byte(text), &inner) == nil {
			return inner
		}
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ';' || c == '#':
			return strings.TrimSpace(out.String())
		case c == '\\' && i+1 < len(text):
			i++
			if !strings.ContainsRune(`\;#`, rune(text[i])) {
				out.WriteByte('\\')
			}
			out.WriteByte(text[i])
		default:
			out.WriteByte(c)
		}
	}
	return strings.TrimSpace(out.String())
}
