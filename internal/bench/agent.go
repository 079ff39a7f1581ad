package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/heapmage/heapmage/internal/bench/agentcost"
	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/fixture"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// agent measures what the agent costs: an empty process of each version of Node,
// and a build of the example or of the named packages, which are shorter, so that
// more pairs fit into the same time.
func agent(ctx context.Context, pairs int, packages []string) error {
	server, err := v8heap.Listen("")
	if err != nil {
		return err
	}
	defer server.Close()
	programs, err := agentcost.NodePrograms()
	if err != nil {
		return err
	}
	for _, program := range programs {
		if err := agentcost.InProcess(ctx, server, program); err != nil {
			return err
		}
	}
	if pairs == 0 {
		return nil
	}
	return agentInBuild(ctx, pairs, packages)
}

// agentInBuild builds with the agent and without.
func agentInBuild(ctx context.Context, pairs int, packages []string) error {
	dir, err := os.MkdirTemp("", "heapmage-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := command.Binary(ctx, "", dir)
	if err != nil {
		return err
	}
	example, err := fixture.InstalledExample(ctx, filepath.Join(dir, "example"))
	if err != nil {
		return err
	}
	build := func(loaded bool) func() (spent, error) {
		command := []string{"env", fmt.Sprintf("%s=%v", environ.GCAuto, loaded), binary, "build:managed"}
		if len(packages) > 0 {
			command = append(command, "-workspace="+strings.Join(packages, ","))
		}
		return func() (spent, error) {
			// Without history, so that every process gets the agent.
			if err := os.RemoveAll(filepath.Join(example, ".heapmage")); err != nil {
				return spent{}, err
			}
			return timed(ctx, example, command...)
		}
	}
	_, err = inPairs(pairs, side{"with the agent", build(true)}, side{"without", build(false)})
	return err
}
