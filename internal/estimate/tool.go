package estimate

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// launchers start the program that follows them.
var launchers = []string{"cross-env", "env", "npx", "pnpm", "yarn", "bunx", "exec", "dlx", "run", "node", "time", "dotenv"}

var segments = regexp.MustCompile(`&&|\|\||[;|\n]`)

// Tool names the programs of a script's text: "tsc", or "rimraf+tsc". Scripts
// with the same tools take similar memory. It is empty for an empty script.
func Tool(script string) string {
	var tools []string
	for _, segment := range segments.Split(script, -1) {
		for _, word := range strings.Fields(segment) {
			word = strings.Trim(word, `"'`)
			if strings.Contains(word, "=") || strings.HasPrefix(word, "-") || slices.Contains(launchers, word) {
				continue
			}
			tools = append(tools, path.Base(word))
			break
		}
	}
	return strings.Join(tools, "+")
}
