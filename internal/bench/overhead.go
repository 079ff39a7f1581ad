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
// the arguments heapmage guards npm, and with "at-once" both build at once (see atOnce).
func overhead(ctx context.Context, pairs int, against string, args []string) error {
	plain := []string{"npm", "run", "build", "--workspaces"}
	ours := []string{"build:managed"}
	compare := inPairs
	for _, arg := range args {
		switch arg {
		case "guard":
			ours = []string{"memory:guard", "-command=" + strings.Join(plain, " ")}
		case "at-once":
			compare = atOnce
		default:
			return fmt.Errorf("overhead: %q is neither guard nor at-once", arg)
		}
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
	other, words := "npm", plain
	if against != "" {
		other, words = "against", append([]string{against}, ours...)
	}
	names, commands := [2]string{"heapmage", other}, [2][]string{append([]string{binary}, ours...), words}
	var sides [2]side
	for at, name := range names { // each has its own copy of the example, and so its own history
		example, err := fixture.InstalledExample(ctx, filepath.Join(dir, "example-"+name))
		if err != nil {
			return err
		}
		sides[at] = side{name, func() (spent, error) { return timed(ctx, example, commands[at]...) }}
	}
	own, err := compare(pairs, sides[0], sides[1])
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
