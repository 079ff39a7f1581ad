package buildworker_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/heapmage/heapmage/mage/buildworker"
	"github.com/heapmage/heapmage/pool"
)

// Two packages of the workspace around the working folder are built in a pool, measured
// and with heap limits that fit. It needs Node and a workspace, so it does not run here.
func Example() {
	ctx := context.Background()
	w, err := buildworker.Open(ctx, ".", os.Stderr)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	p, err := pool.New(w.Program(), pool.Options{MaxWorkers: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Shutdown(ctx)
	for _, name := range []string{"packages/core", "packages/cli"} {
		r, err := pool.Do[buildworker.Result](ctx, p, pool.Task{Type: "buildPackage", Data: buildworker.Data{Workspace: name}})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %v, peak %v\n", r.Package, r.Duration, r.Peak)
	}
}
