package ci

// Color reports whether output should be colored. terminal is whether it goes to a
// terminal, which decides unless the environment does; getenv is usually os.Getenv. In
// order of precedence:
//
//   - NO_COLOR, if it is not empty, turns colors off (https://no-color.org).
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
