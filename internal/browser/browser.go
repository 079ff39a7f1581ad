// Package browser opens a file in the user's browser. It waits a moment for the program that does
// that, and leaves it running.
package browser

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
)

// ErrNoDisplay means that there is no screen to open a browser on.
var ErrNoDisplay = errors.New("there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set")

// enough is for how long a failure is waited for. Some of the programs last as long as the
// browser.
const enough = 3 * time.Second

// Open opens the file at an absolute path.
func Open(path string, env []string) error {
	command := commandFor(runtime.GOOS, path)
	if command[0] == "xdg-open" && environ.Value(env, environ.Display) == "" && environ.Value(env, environ.WaylandDisplay) == "" {
		return ErrNoDisplay
	}
	cmd := exec.Command(command[0], command[1:]...)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // it ends with the program, or with this process
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("%s failed: %w", strings.Join(command[:len(command)-1], " "), err)
		}
	case <-time.After(enough):
	}
	return nil
}

// commandFor is the command that opens a file on a system.
func commandFor(system, path string) []string {
	switch system {
	case "darwin":
		return []string{"open", path}
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler", path}
	}
	return []string{"xdg-open", path}
}
