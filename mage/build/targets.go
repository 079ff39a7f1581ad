// Package build holds the targets build:managed and build:safe. A magefile imports it
// under the alias build, beside package mage:
//
//	//mage:import build
//	_ "github.com/heapmage/heapmage/mage/build"
package build

import (
	"context"

	"github.com/heapmage/heapmage/internal/engine"
	"github.com/heapmage/heapmage/internal/event"
)

// Managed builds one package at a time with a heap limit of 8 GB.
func Managed(
	ctx context.Context,
	workspace *string, // packages to build: a name, folder, glob or filter such as 'web...'; several with commas
	nodeps *bool, // leave out the packages that they depend on
	since *string, // only packages that changed since a Git ref, such as origin/main, and their dependents
	force *bool, // run all of it, also what is known, and keep the new results
	exclude *string, // packages to leave out, written as in -workspace
	args *string, // arguments for the scripts, such as "--watch=false --bail"
	output *string, // what to print of what scripts print: full, grouped, errors or none
	shard *string, // only this part of a plan, such as 2/4
	plan *string, // the plan, which ci:matrix wrote
) error {
	return engine.Run(ctx, engine.Request{Target: "build", Mode: event.Managed, Packages: workspace, NoDeps: nodeps, Since: since, Force: force, Exclude: exclude, Extra: args, Output: output, Shard: shard, ShardPlan: plan})
}

// Safe builds one package at a time with a heap limit of 16 GB and every protection on.
func Safe(
	ctx context.Context,
	workspace *string, // packages to build: a name, folder, glob or filter such as 'web...'; several with commas
	nodeps *bool, // leave out the packages that they depend on
	since *string, // only packages that changed since a Git ref, such as origin/main, and their dependents
	force *bool, // run all of it, also what is known, and keep the new results
	exclude *string, // packages to leave out, written as in -workspace
	args *string, // arguments for the scripts, such as "--watch=false --bail"
	output *string, // what to print of what scripts print: full, grouped, errors or none
	shard *string, // only this part of a plan, such as 2/4
	plan *string, // the plan, which ci:matrix wrote
) error {
	return engine.Run(ctx, engine.Request{Target: "build", Mode: event.Safe, Packages: workspace, NoDeps: nodeps, Since: since, Force: force, Exclude: exclude, Extra: args, Output: output, Shard: shard, ShardPlan: plan})
}
