package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
)

// terminal is the size of one, in cells.
type terminal struct{ Width, Height int }

// frame is what a terminal showed for some time, a line each, with escape sequences for its
// colours only.
type frame struct {
	Lines []string
	Shown time.Duration
}

// interval is the time between two looks at the terminal.
const interval = 200 * time.Millisecond

// record runs a command in dir in a terminal of its own until it ends.
func record(ctx context.Context, size terminal, dir string, args ...string) (frames []frame, err error) {
	server := fmt.Sprintf("heapmage-pictures-%d", os.Getpid())
	tmux := func(args ...string) ([]byte, error) {
		var failure bytes.Buffer
		c := exec.CommandContext(ctx, "tmux", append([]string{"-L", server, "-f", os.DevNull}, args...)...)
		c.Stderr = &failure
		text, err := c.Output()
		if err != nil {
			err = fmt.Errorf("tmux %s: %w: %s", strings.Join(args, " "), err, failure.Bytes())
		}
		return text, err
	}
	start := []string{
		"new-session", "-d", "-c", dir, "-x", fmt.Sprint(size.Width), "-y", fmt.Sprint(size.Height),
		";", "set", "-g", "status", "off", ";", "set", "-g", "remain-on-exit", "on", ";", "set", "-g", "remain-on-exit-format", "", ";",
		"respawn-pane", "-k", "-c", dir, "--",
		"env", "-u", "CI", "-u", environ.NoColor, "-u", environ.View, environ.Budget + "=900MB",
	}
	if _, err := tmux(append(start, args...)...); err != nil {
		return nil, err
	}
	defer func() { _, _ = tmux("kill-server") }()
	began := time.Now()
	for {
		text, err := tmux("capture-pane", "-e", "-p")
		if err != nil {
			return nil, err
		}
		lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
		if n := len(frames); n == 0 || strings.Join(frames[n-1].Lines, "\n") != strings.Join(lines, "\n") {
			frames = append(frames, frame{Lines: lines})
		}
		now := time.Now()
		frames[len(frames)-1].Shown += now.Sub(began)
		began = now
		state, err := tmux("display-message", "-p", "#{pane_dead} #{pane_dead_status}")
		if err != nil {
			return nil, err
		}
		dead, status, _ := strings.Cut(strings.TrimSpace(string(state)), " ")
		switch {
		case dead != "1":
			time.Sleep(interval)
		case status != "0":
			return nil, fmt.Errorf("%v ended with %s:\n%s", args, status, text)
		case len(frames) < 2:
			return nil, errors.New("nothing was shown")
		default:
			return frames, nil
		}
	}
}
