package ci

// Color reports whether output should be colored: if it goes to a terminal,
// unless the environment decides otherwise. In order of precedence:
//
//   - NO_COLOR, set to anything, turns colors off (https://no-color.org).
//   - TERM=dumb turns them off.
//   - FORCE_COLOR turns them on, or off if it is "0" or "false"
//     (https://force-color.org, and Node's reading of it).
//
// A CI system alone turns nothing on: not all of them show colors.
func Color(getenv func(string) string, terminal bool) bool {
	if getenv("NO_COLOR") != "" || getenv("TERM") == "dumb" {
		return false
	}
	if force := getenv("FORCE_COLOR"); force != "" {
		return force != "0" && force != "false"
	}
	return terminal
}
