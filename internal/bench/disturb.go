package main

import (
	"context"
	"path/filepath"

	"github.com/heapmage/heapmage/internal/bench/chaos"
)

// disturb carries out random plans of package chaos.
func disturb(ctx context.Context, args []string) error {
	o, cache, binary, err := chaos.Parse(args)
	if err != nil {
		return err
	}
	root, err := cacheFolder(cache)
	if err != nil {
		return err
	}
	o.Dir = filepath.Join(root, "chaos")
	if o.Binary, err = heapmageBinary(ctx, binary, root); err != nil {
		return err
	}
	return chaos.Run(ctx, o)
}
