package scripttext

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// launchers start the program that follows them.
var launchers = []string{"cross-env", "env", "npx", "pnpm", "yarn", "bunx", "exec", "dlx", "run", "node", "time", "dotenv"}

var redirection = regexp.MustCompile(`^(\d*|&)[<>]`)

// Tool names the programs that a script's text runs, without their folders:
// "tsc", or "rimraf+tsc". Launchers such as npx count as the program that they
// start, and node as its script. It is empty for a text without a program. Tasks
// that run the same tools need about the same memory for the same sources.
func Tool(text string) string {
	var tools []string
	for _, c := range Commands(text) {
		for _, w := range c.Words {
			if redirection.MatchString(w.Text) {
				break // it follows a subshell
			}
			if strings.Contains(w.Text, "=") || strings.HasPrefix(w.Text, "-") || slices.Contains(launchers, w.Text) {
				continue
			}
			tools = append(tools, path.Base(w.Text))
			break
		}
	}
	return strings.Join(tools, "+")
}

// ValuesOf returns what the commands of a script's text give to a flag, as "--flag value" or
// "--flag=value", and to a variable before or among them.
func ValuesOf(text, flag, variable string) (values []string) {
	for c := range CommandsWithin(text) {
		for i, w := range c.Words {
			name, value, given := strings.Cut(w.Text, "=")
			if name == flag && !given && i+1 < len(c.Words) {
				value, given = c.Words[i+1].Text, true
			}
			if given && (name == flag || name == variable) {
				values = append(values, value)
			}
		}
	}
	return values
}
