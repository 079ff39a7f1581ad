package report

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"

	"github.com/heapmage/heapmage/ci"
	"github.com/heapmage/heapmage/internal/environ"
)

// Colour reports whether output to w is coloured, as ci.Color decides by the
// environment and whether w is a terminal.
func Colour(env []string, w io.Writer) bool {
	f, ok := w.(*os.File)
	return ci.Color(func(name string) string { return environ.Value(env, name) }, ok && isatty.IsTerminal(f.Fd()))
}
