package cachedtask

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// addUnobserved adds to a task what counts if it is not observed. Which files there are is a
// part of its key, and what is in them are its inputs.
func (k *Tasks) addUnobserved(ctx context.Context, t *taskgraph.Task, task *Task) {
	var fault string
	upstream := t.Upstream()
	slices.SortFunc(upstream, func(a, b *taskgraph.Task) int { return strings.Compare(a.ID, b.ID) })
	if task.Inputs, fault = k.Unobserved.Inputs(ctx, t, upstream); task.Stale == "" {
		task.Stale = fault
	}
	task.Parts["mode"] = "declared"
	task.Parts["the list of its files"] = fingerprint.Sum(task.Inputs...).String()
	declared := k.Declared.Task(t.Package, t.Target, t.Script)
	task.Parts["what is declared of it"] = fingerprint.Sum(strings.Join(declared.Inputs.Value, "\n"), strings.Join(declared.Outputs.Value, "\n")).String()
	var keys []string
	for _, before := range upstream {
		if len(k.left(before)) == 0 {
			keys = append(keys, before.ID, k.digestOf(before))
		}
	}
	task.Parts["the tasks before it"] = fingerprint.Sum(keys...).String()
	packages := t.Package.Below()
	if root := k.Workspace.RootPackage; root != nil {
		packages = append(append(packages, root), root.Below()...)
	}
	var installed []string
	for _, pkg := range packages {
		state := k.installed.Of(pkg.Dir)
		installed = append(installed, pkg.Dir, state.Digest.String())
	}
	task.Parts["what is installed for the packages that it depends on"] = fingerprint.Sum(installed...).String()
}

// left are the files that a task left. None are known of a task whose result is not kept: it
// runs each time.
func (k *Tasks) left(t *taskgraph.Task) []string {
	if k.notKept(t) != "" {
		return nil
	}
	return k.Results.Left(t.ID)
}

// digestOf changes with what is known of a task, but for the files that it reads.
func (k *Tasks) digestOf(t *taskgraph.Task) string {
	k.mu.Lock()
	digest, known := k.known[t.ID]
	k.mu.Unlock()
	if known {
		return digest
	}
	parts := k.base(t).Parts
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		texts = append(texts, name, parts[name])
	}
	digest = fingerprint.Sum(texts...).String()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known[t.ID] = digest
	return digest
}
