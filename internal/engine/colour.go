package engine

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"

	"github.com/heapmage/heapmage/internal/environ"
)

// colour reports whether output to w is coloured: w is a terminal and NO_COLOR is
// unset, or FORCE_COLOR is set.
func colour(env []string, w io.Writer) bool {
	if environ.Value(env, environ.NoColor) != "" || environ.Value(env, environ.Term) == "dumb" {
		return false
	}
	if force := environ.Value(env, environ.ForceColor); force != "" {
		return force != "0" && force != "false"
	}
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
