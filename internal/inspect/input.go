package inspect

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
)

// input returns what a command reads to have this process's standard input, nil for
// nothing, and what ends that. It is ours itself unless that is a terminal, which the
// command's own process group may not read: then ours is passed on through a pipe.
func input() (in *os.File, end func(), err error) {
	if _, err := os.Stdin.Stat(); err != nil {
		return nil, func() {}, nil //nolint:nilerr // it was closed before our start
	}
	if !isatty.IsTerminal(os.Stdin.Fd()) {
		return os.Stdin, func() {}, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	go func() { // nothing ends a read of a terminal: it lasts as long as this process
		_, _ = io.Copy(w, os.Stdin)
		_ = w.Close()
	}()
	return r, func() { _ = r.Close() }, nil
}
