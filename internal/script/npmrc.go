package script

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
)

var variable = regexp.MustCompile(`\$\{([^}]+)\}`)

// parseNpmrc reads the few settings of an .npmrc that concern scripts. Nothing
// else of it is kept: it may hold secrets. env fills in ${NAME}.
func parseNpmrc(text []byte, env []string) map[string]string {
	rc := map[string]string{}
	for line := range bytes.Lines(text) {
		l := strings.TrimSpace(string(line))
		if l == "" || l[0] == ';' || l[0] == '#' || l[0] == '[' {
			continue
		}
		key, v, _ := strings.Cut(l, "=")
		key, v = strings.TrimSpace(key), strings.TrimSpace(v)
		switch key {
		case "node-options", "script-shell", "enable-pre-post-scripts", "ignore-scripts":
		default:
			continue
		}
		if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
			v = v[1 : len(v)-1]
		} else if at := strings.IndexAny(v, ";#"); at >= 0 {
			v = strings.TrimSpace(v[:at])
		}
		rc[key] = variable.ReplaceAllStringFunc(v, func(m string) string {
			name, optional := strings.CutSuffix(m[2:len(m)-1], "?")
			if v, set := environ.Lookup(env, name); set || optional {
				return v
			}
			return m // npm leaves it as it is
		})
	}
	return rc
}
