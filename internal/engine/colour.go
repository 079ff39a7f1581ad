package engine

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
)

// colour reports whether output to w is coloured: w is a terminal and NO_COLOR is
// unset, or FORCE_COLOR is set.
func colour(environ []string, w io.Writer) bool {
	if env(environ, "NO_COLOR") != "" || env(environ, "TERM") == "dumb" {
		return false
	}
	if force := env(environ, "FORCE_COLOR"); force != "" {
		return force != "0" && force != "false"
	}
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
