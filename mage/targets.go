// Package mage holds heapmage's targets for a magefile:
//
//	//mage:import
//	_ "github.com/heapmage/heapmage/mage"
//	//mage:import build
//	_ "github.com/heapmage/heapmage/mage/build"
//
// Every exported function is a target, and every method of a namespace: mage build,
// mage memory:stats. The second import adds build:managed and build:safe: a function
// Build and a namespace Build cannot share a package.
//
// Pointer parameters are optional flags of Mage, such as -workspace=core; nil means that
// the flag is not given. A function that calls a target passes nil for each flag that it does
// not set. Every target runs in the workspace around the working folder, and for the package
// in whose folder that is, if nothing else is asked for. It ends its processes when ctx is
// done, and returns an error whose exit code Mage passes on. docs/targets.md describes them.
package mage

import (
	"context"

	"github.com/magefile/mage/mg"

	"github.com/heapmage/heapmage/internal/doctor"
	"github.com/heapmage/heapmage/internal/engine"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/guard"
	"github.com/heapmage/heapmage/internal/inspect"
	"github.com/heapmage/heapmage/internal/planview"
	"github.com/heapmage/heapmage/internal/rerun"
	"github.com/heapmage/heapmage/internal/setup"
	"github.com/heapmage/heapmage/internal/shard"
)

// Build builds all packages in dependency order, as many at once as fit into memory.
func Build(
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
	return engine.Run(ctx, engine.Request{Target: "build", Packages: workspace, NoDeps: nodeps, Since: since, Force: force, Exclude: exclude, Extra: args, Output: output, Shard: shard, ShardPlan: plan})
}

// BuildSafe is build:safe, for callers that cannot pass a colon.
func BuildSafe(
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

// Bundle runs the bundle script of the root, or of the selected packages.
func Bundle(
	ctx context.Context,
	workspace *string, // packages to bundle: a name, folder, glob or filter such as 'web...'; several with commas
	nodeps *bool, // leave out the builds of the packages that they depend on
	since *string, // only packages that changed since a Git ref, such as origin/main, and their dependents
	force *bool, // run all of it, also what is known, and keep the new results
	exclude *string, // packages to leave out, written as in -workspace
	args *string, // arguments for the scripts, such as "--watch=false --bail"
	output *string, // what to print of what scripts print: full, grouped, errors or none
	shard *string, // only this part of a plan, such as 2/4
	plan *string, // the plan, which ci:matrix wrote
) error {
	return engine.Run(ctx, engine.Request{Target: "bundle", Packages: workspace, NoDeps: nodeps, Since: since, Force: force, Exclude: exclude, Extra: args, Output: output, Shard: shard, ShardPlan: plan})
}

// Typecheck checks the types of all packages, after the builds that they need.
func Typecheck(
	ctx context.Context,
	workspace *string, // packages to check: a name, folder, glob or filter such as 'web...'; several with commas
	nodeps *bool, // leave out the builds of the packages that they depend on
	since *string, // only packages that changed since a Git ref, such as origin/main, and their dependents
	force *bool, // run all of it, also what is known, and keep the new results
	exclude *string, // packages to leave out, written as in -workspace
	args *string, // arguments for the scripts, such as "--watch=false --bail"
	output *string, // what to print of what scripts print: full, grouped, errors or none
	shard *string, // only this part of a plan, such as 2/4
	plan *string, // the plan, which ci:matrix wrote
) error {
	return engine.Run(ctx, engine.Request{Target: "typecheck", Packages: workspace, NoDeps: nodeps, Since: since, Force: force, Exclude: exclude, Extra: args, Output: output, Shard: shard, ShardPlan: plan})
}

// Test runs the tests of all packages, after the builds that they need.
func Test(
	ctx context.Context,
	workspace *string, // packages to test: a name, folder, glob or filter such as 'web...'; several with commas
	path *string, // a file, folder or pattern that is passed to the test script
	nodeps *bool, // leave out the builds of the packages that they depend on
	since *string, // only packages that changed since a Git ref, such as origin/main, and their dependents
	force *bool, // run all of it, also what is known, and keep the new results
	exclude *string, // packages to leave out, written as in -workspace
	args *string, // arguments for the scripts, such as "--watch=false --bail"
	output *string, // what to print of what scripts print: full, grouped, errors or none
	shard *string, // only this part of a plan, such as 2/4
	plan *string, // the plan, which ci:matrix wrote
) error {
	return engine.Run(ctx, engine.Request{Target: "test", Packages: workspace, TestPath: path, NoDeps: nodeps, Since: since, Force: force, Exclude: exclude, Extra: args, Output: output, Shard: shard, ShardPlan: plan})
}

// Lint checks the style of all packages.
func Lint(
	ctx context.Context,
	workspace *string, // packages to lint: a name, folder, glob or filter such as 'web...'; several with commas
	fix *bool, // fix what the linter can fix
	since *string, // only packages that changed since a Git ref, such as origin/main, and their dependents
	force *bool, // run all of it, also what is known, and keep the new results
	exclude *string, // packages to leave out, written as in -workspace
	args *string, // arguments for the scripts, such as "--watch=false --bail"
	output *string, // what to print of what scripts print: full, grouped, errors or none
	shard *string, // only this part of a plan, such as 2/4
	plan *string, // the plan, which ci:matrix wrote
) error {
	return engine.Run(ctx, engine.Request{Target: "lint", Packages: workspace, Fix: fix, Since: since, Force: force, Exclude: exclude, Extra: args, Output: output, Shard: shard, ShardPlan: plan})
}

// Clean removes what the builds of all packages made.
func Clean(
	ctx context.Context,
	workspace *string, // packages to clean: a name, folder, glob or filter such as 'web...'; several with commas
	since *string, // only packages that changed since a Git ref, such as origin/main, and their dependents
	exclude *string, // packages to leave out, written as in -workspace
	args *string, // arguments for the scripts, such as "--force"
) error {
	return engine.Run(ctx, engine.Request{Target: "clean", Packages: workspace, Since: since, Exclude: exclude, Extra: args})
}

// Run runs scripts of any name in all packages that have them.
func Run(
	ctx context.Context,
	script *string, // the script; several with commas
	workspace *string, // packages to run it in: a name, folder, glob or filter such as 'web...'; several with commas
	nodeps *bool, // leave out the packages that they depend on
	since *string, // only packages that changed since a Git ref, such as origin/main, and their dependents
	force *bool, // run all of it, also what is known, and keep the new results
	exclude *string, // packages to leave out, written as in -workspace
	args *string, // arguments for the scripts, such as "--cache --max-warnings 0"
	output *string, // what to print of what scripts print: full, grouped, errors or none
	shard *string, // only this part of a plan, such as 2/4
	plan *string, // the plan, which ci:matrix wrote
) error {
	return engine.Run(ctx, engine.Request{Target: engine.Or(script, ""), Packages: workspace, NoDeps: nodeps, Since: since, Force: force, Exclude: exclude, Extra: args, Output: output, Shard: shard, ShardPlan: plan})
}

// Watch runs a target, and again for what changes, until Ctrl-C.
func Watch(
	ctx context.Context,
	target *string, // build, typecheck, test or lint; build if left out
	workspace *string, // packages: a name, folder, glob or filter such as 'web...'; several with commas
	exclude *string, // packages to leave out, written as in -workspace
	args *string, // arguments for the scripts, such as "--watch=false --bail"
	output *string, // what to print of what scripts print: full, grouped, errors or none
) error {
	return rerun.Watch(ctx, engine.Request{Target: engine.Or(target, "build"), Packages: workspace, Exclude: exclude, Extra: args, Output: output})
}

// Init adds heapmage to a repository: scripts or a magefile, and a workflow for GitHub.
func Init(
	ctx context.Context,
	with *string, // npm or go; what fits the repository if left out
	noworkflow *bool, // leave the workflow out
	dry *bool, // show what would be written, and write nothing
) error {
	given := func(flag *bool) bool { return flag != nil && *flag }
	return setup.Init(ctx, setup.Flags{With: engine.Or(with, ""), NoWorkflow: given(noworkflow), Dry: given(dry)})
}

// List shows the packages, with their folders, versions, scripts and dependencies among each other.
func List(
	ctx context.Context,
	workspace *string, // packages: a name, folder, glob or filter such as 'web...'; several with commas
	json *bool, // print them as JSON
) error {
	return inspect.List(ctx, workspace, json != nil && *json)
}

// Plan shows what a target would run, in which order and within which limits.
func Plan(
	ctx context.Context,
	target *string, // the target or scripts to plan; build if left out
	workspace *string, // packages: a name, folder, glob or filter such as 'web...'; several with commas
	nodeps *bool, // leave out the packages that they depend on
	explain *bool, // show which file declares what of each task
	since *string, // only packages that changed since a Git ref, such as origin/main, and their dependents
	exclude *string, // packages to leave out, written as in -workspace
	args *string, // arguments for the scripts
	json *bool, // print the plan as JSON
	graph *string, // print the graph of the tasks: mermaid, dot, or html for a page
) error {
	request := engine.Request{Target: engine.Or(target, "build"), Packages: workspace, NoDeps: nodeps, Since: since, Exclude: exclude, Extra: args}
	return engine.Plan(ctx, request, planview.Flags{Explain: explain, JSON: json, Graph: graph})
}

// Why shows all that is known of a task's result, and why the task has to run.
func Why(
	ctx context.Context,
	task *string, // the task, such as web#build
	args *string, // the arguments for its script, if it runs with some
) error {
	return engine.Why(ctx, engine.Or(task, ""), args)
}

// Memory groups the targets that look at memory and build nothing.
type Memory mg.Namespace

// Stats shows the memory of this machine, its limits, and what a build may use.
func (Memory) Stats(ctx context.Context) error { return inspect.Stats(ctx) }

// History shows what the last runs of each task took and what the next will need.
func (Memory) History(ctx context.Context) error { return inspect.History(ctx) }

// Export writes the tasks' history to a small file that can be committed.
func (Memory) Export(
	ctx context.Context,
	file *string, // the file; heapmage-history.json if left out
) error {
	return inspect.Export(ctx, engine.Or(file, inspect.ExportFile))
}

// Import adds an exported file to the history, on a new machine or in CI.
func (Memory) Import(
	ctx context.Context,
	file *string, // the file; heapmage-history.json if left out
) error {
	return inspect.Import(ctx, engine.Or(file, inspect.ExportFile))
}

// Report writes a page about a run: memory over time, what ran when, and what set the time.
func (Memory) Report(
	ctx context.Context,
	run *string, // the ID of the run; the last one if left out
	compare *string, // the ID of another run to show beside it
	file *string, // where to write the page; the run's folder if left out
	open *bool, // open it in a browser
) error {
	return inspect.Page(ctx, inspect.PageFlags{Run: engine.Or(run, ""), Compare: engine.Or(compare, ""), File: engine.Or(file, ""), Open: open != nil && *open})
}

// Trace writes a run as a trace for Perfetto: attempts, memory, what came after what.
func (Memory) Trace(
	ctx context.Context,
	run *string, // the ID of the run; the last one if left out
	file *string, // where to write it; the run's folder if left out
	otlp *bool, // write what OpenTelemetry's collectors read instead
) error {
	return inspect.Trace(ctx, engine.Or(run, ""), engine.Or(file, ""), otlp != nil && *otlp)
}

// Check compares what tasks take with an exported file, and fails if one has grown.
func (Memory) Check(
	ctx context.Context,
	maxGrowth *string, // the growth of a task's peak that is allowed; 20% if left out
	base *string, // the exported file; heapmage-history.json if left out
	json *bool, // print the comparison as JSON
	markdown *bool, // print it as Markdown, for a comment on a pull request
) error {
	given := func(flag *bool) bool { return flag != nil && *flag }
	return inspect.Check(ctx, engine.Or(base, inspect.ExportFile), engine.Or(maxGrowth, "20%"), given(json), given(markdown))
}

// Doctor checks this set-up and shows what is wrong and how to fix it.
func (Memory) Doctor(
	ctx context.Context,
	json *bool, // print the findings as JSON
	all *bool, // also those about scripts that no target runs
	fix *bool, // do what is safe about them, and show what was changed
) error {
	given := func(flag *bool) bool { return flag != nil && *flag }
	return engine.Doctor(ctx, doctor.Options{JSON: given(json), All: given(all), Fix: given(fix)})
}

// Guard runs the command of any task runner, and holds back its scripts until they fit into memory.
func (Memory) Guard(
	ctx context.Context,
	command *string, // the command to run, such as "npx turbo run build lint"
	retry *string, // further scripts that may run again after they were stopped: names with commas between
	log *string, // a file for the log; standard error if left out
) error {
	return guard.Run(ctx, guard.Options{Command: engine.Or(command, ""), Retry: engine.Or(retry, ""), Log: engine.Or(log, "")})
}

// Watch shows the memory of a running command and collects its garbage.
func (Memory) Watch(
	ctx context.Context,
	command *string, // the command to run, such as "node server.js"
	pid *string, // a running process to measure with its children, without garbage collection
) error {
	return inspect.Watch(ctx, engine.Or(command, ""), engine.Or(pid, ""))
}

// CI groups the targets for CI systems.
type CI mg.Namespace

// Summary prints a run as Markdown: what failed, what each package took, and the memory over time.
func (CI) Summary(
	ctx context.Context,
	run *string, // the run's ID; the last one if left out
	file *string, // a file to write it to
) error {
	return inspect.Summary(ctx, engine.Or(run, ""), engine.Or(file, ""))
}

// Matrix divides a target among runners by memory and time, and prints their jobs.
func (CI) Matrix(
	ctx context.Context,
	runners *string, // how many runners there may be at most
	memory *string, // what each has, such as 16GB; that of this machine if left out
	cpus *string, // how many processors each has; those of this machine if left out
	target *string, // the target or scripts to divide; build if left out
	since *string, // only packages that changed since a Git ref, such as origin/main, and their dependents
	setup *string, // what a runner takes before its first task; 40s if left out
	larger *string, // a runner for tasks that need more memory: its label, memory and processors, as in LABEL:64GB:16
	label *string, // the label of the other runners; ubuntu-latest for github if left out
	format *string, // json, github, gitlab or buildkite; json if left out
	command *string, // what a job of Buildkite runs; .buildkite/shard.sh if left out
	plan *string, // the file for the plan; heapmage-plan.json if left out
	explain *bool, // tell what each runner does, and what other numbers of runners come to
) error {
	flags := shard.Flags{
		Runners: engine.Or(runners, ""), Memory: engine.Or(memory, ""), CPUs: engine.Or(cpus, ""), Label: engine.Or(label, ""), Larger: engine.Or(larger, ""),
		Setup: engine.Or(setup, ""), Format: engine.Or(format, ""), Command: engine.Or(command, ""),
	}
	return engine.Matrix(ctx, engine.Request{Target: engine.Or(target, "build"), Since: since}, flags, engine.Or(plan, ""), explain != nil && *explain)
}

// Cache groups the targets that look after the kept results of tasks.
type Cache mg.Namespace

// Stats shows how many results are kept, and what they take.
func (Cache) Stats(ctx context.Context) error { return inspect.CacheStats(ctx) }

// Prune removes the results that were not used for longest, down to 10 GB.
func (Cache) Prune(
	ctx context.Context,
	size *string, // what may stay, such as 2GB; 10GB if left out
) error {
	return inspect.CachePrune(ctx, engine.Or(size, ""))
}

// Verify reads all kept results and removes those that are damaged.
func (Cache) Verify(ctx context.Context) error { return inspect.CacheVerify(ctx) }

// Keygen makes a pair of keys, with which results are signed for a cache that machines share.
func (Cache) Keygen(
	ctx context.Context,
	out *string, // a new file for the secret key; it is printed if left out
) error {
	return inspect.CacheKeygen(ctx, engine.Or(out, ""))
}
