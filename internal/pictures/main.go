// Command pictures draws what a terminal shows of a build, for the README:
//
//	go run ./internal/pictures
//
// It builds a copy of examples/typescript-monorepo in a terminal of tmux, and writes what that
// showed to docs/build.svg. It needs Node, npm and tmux. internal/pictures/make calls it, and
// makes the other pictures.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := draw(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

// draw writes the pictures.
func draw(ctx context.Context) error {
	temp, err := os.MkdirTemp("", "heapmage-pictures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	dir, binary := filepath.Join(temp, "shop"), filepath.Join(temp, "heapmage")
	if err := os.CopyFS(dir, os.DirFS("examples/typescript-monorepo")); err != nil {
		return err
	}
	for _, folder := range []string{".heapmage", "node_modules"} { // of runs in the example itself
		if err := os.RemoveAll(filepath.Join(dir, folder)); err != nil {
			return err
		}
	}
	for _, c := range []*exec.Cmd{
		exec.CommandContext(ctx, "go", "tool", "mage", "-compile", binary),
		in(dir, exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund")),
		in(dir, exec.CommandContext(ctx, binary, "build")), // the picture shows a run that knows what tasks need
	} {
		if text, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", c.Args, err, text)
		}
	}
	size := terminal{Width: 92, Height: 25}
	frames, err := record(ctx, size, dir, binary, "build", "-force")
	if err != nil {
		return err
	}
	return os.WriteFile("docs/build.svg", film{size, "heapmage builds a workspace of seven packages", frames}.svg(), 0o644)
}

func in(dir string, c *exec.Cmd) *exec.Cmd {
	c.Dir = dir
	return c
}
