//go:build linux || darwin

package shim

import (
	"os"
	"strings"

	"github.com/heapmage/heapmage/internal/admission/frame"
)

// init comes before most of the program: Go initialises packages by their paths, once those
// that they import are. So this package imports little, and in particular not net.
func init() {
	if len(os.Args) > 0 && (os.Args[0] == frame.ShellName || strings.HasSuffix(os.Args[0], "/"+frame.ShellName)) {
		run()
	}
}
