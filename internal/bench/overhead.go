package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/fixture"
	"github.com/heapmage/heapmage/memtools"
)

// overhead builds the example from nothing under heapmage and under
// "npm run build --workspaces", or under the heapmage at against, in pairs. With "guard" among
// the arguments heapmage guards npm.
func overhead(ctx context.Context, pairs int, against string, args []string) error {
	plain := []string{"npm", "run", "build", "--workspaces"}
	ours := []string{"build:managed"}
	switch strings.Join(args, " ") {
	case "":
	case "guard":
		ours = []string{"memory:guard", "-command=" + strings.Join(plain, " ")}
	default:
		return fmt.Errorf("overhead: %q is not guard", args)
	}
	dir, err := os.MkdirTemp("", "heapmage-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := command.Binary(ctx, "", dir)
	if err != nil {
		return err
	}
	// Each has its own copy of the example, and so its own history.
	copied := func(name string, command ...string) (side, error) {
		example, err := fixture.InstalledExample(ctx, filepath.Join(dir, "example-"+name))
		return side{name, func() (spent, error) { return timed(ctx, example, command...) }}, err
	}
	a, err := copied("heapmage", append([]string{binary}, ours...)...)
	if err != nil {
		return err
	}
	other, words := "npm", plain
	if against != "" {
		other, words = "against", append([]string{against}, ours...)
	}
	b, err := copied(other, words...)
	if err != nil {
		return err
	}
	own, err := inPairs(pairs, a, b)
	if err != nil {
		return err
	}
	fmt.Printf("heapmage's own usage: at most %v\n", own)
	return nil
}

// timed builds the example in dir from nothing. Only heapmage's history stays.
func timed(ctx context.Context, dir string, words ...string) (spent, error) {
	if err := fixture.RemoveOutputs(dir); err != nil {
		return spent{}, err
	}
	tracker, err := memtools.NewTracker()
	if err != nil {
		return spent{}, err
	}
	defer tracker.Close()
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Dir = dir
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	var own memtools.Bytes
	started := func(pid int) { tracker.TrackOne("own", pid) }
	wall, failed, err := command.Watch(c, 50*time.Millisecond, started, func() error {
		if s, err := tracker.Sample(); err == nil {
			own = max(own, s.Trees["own"].Usage)
		}
		return nil
	})
	if err = errors.Join(err, failed); err != nil {
		return spent{}, fmt.Errorf("%s: %w\n%s", strings.Join(words, " "), err, out.String())
	}
	return spent{wall: wall, cpu: command.ProcessorTime(c), own: own}, nil
}
