package workflows

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/trust"
)

const scopeStep = "tell whose results count"

// The workflow cannot use the action of its own repository at its own commit, so it repeats the script.
func TestTheActionAndTheWorkflowAgree(t *testing.T) {
	action, workflow := stepsIn(t, actionFile, "runs", "steps")[scopeStep], stepsIn(t, shardsFile, "jobs", "plan", "steps")[scopeStep]
	if action.run == "" || action.run != workflow.run {
		t.Errorf("the step %q of the action:\n%s\nand of the workflow:\n%s", scopeStep, action.run, workflow.run)
	}
}

// scope runs the script for an event, and returns its outputs.
func scope(t *testing.T, event, ref, payload string, inputs ...string) map[string]string {
	t.Helper()
	var e struct {
		Repository struct {
			DefaultBranch string `json:"default_branch"`
		}
	}
	if err := json.Unmarshal([]byte(payload), &e); err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, t.TempDir())
	m.env["GITHUB_EVENT_NAME"], m.env["GITHUB_REF"] = event, ref
	m.values["github.event.repository.default_branch"] = e.Repository.DefaultBranch
	m.values["inputs.name"], m.values["inputs.folder"] = "", "."
	for i := 0; i < len(inputs); i += 2 {
		m.values[inputs[i]] = inputs[i+1]
	}
	return m.must(stepsIn(t, actionFile, "runs", "steps")[scopeStep])
}

// GitHub's cache is written by the jobs that would write a server's.
func TestTheActionSavesWhereTheTrustPolicyWrites(t *testing.T) {
	const main, none = `{"repository": {"default_branch": "main"}}`, `{}`
	odd := `{"repository": {"default_branch": "rel/2*[x]?"}}`
	for _, tt := range []struct{ event, ref, payload string }{
		{"push", "refs/heads/main", main},
		{"push", "refs/heads/feature", main},
		{"push", "refs/tags/main", main},
		{"push", "refs/heads/main", none},
		{"push", "", main},
		{"push", "refs/heads/rel/2*[x]?", odd},
		{"push", "refs/heads/rel/2zxy", odd},
		{"workflow_dispatch", "refs/heads/main", main},
		{"workflow_dispatch", "refs/heads/eve", main},
		{"schedule", "refs/heads/main", none},
		{"schedule", "refs/heads/main", main},
		{"schedule", "refs/heads/rel/2zxy", odd},
		{"schedule", "refs/heads/*", main},
		{"schedule", "refs/heads/", none},
		{"schedule", "", none},
		{"schedule", "refs/tags/main", none},
		{"pull_request", "refs/pull/12/merge", main},
		{"pull_request", "refs/pull/12/head", main},
		{"pull_request", "refs/heads/main", main},
		{"pull_request", "refs/pull/1/../../trusted/merge", main},
		{"pull_request", "refs/pull/012/merge", main},
		{"pull_request", "refs/pull/12/merge\nx", main},
		{"pull_request", "refs/pull/99999999999999/merge", main},
		{"pull_request_target", "refs/heads/main", main},
		{"pull_request_review", "refs/pull/12/merge", main},
		{"workflow_run", "refs/heads/main", main},
		{"issue_comment", "refs/heads/main", main},
		{"merge_group", "refs/heads/gh-readonly-queue/main/pr-12-0a", main},
		{"release", "refs/tags/v1", main},
		{"repository_dispatch", "refs/heads/main", main},
		{"", "refs/heads/main", main},
		{"*", "refs/heads/main", main},
	} {
		vars := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": tt.event, "GITHUB_REF": tt.ref}
		policy := trust.Of(func(name string) string { return vars[name] }, []byte(tt.payload), "")
		got := scope(t, tt.event, tt.ref, tt.payload)
		writes := ""
		if got["writes"] == "true" {
			writes = got["tier"]
		}
		if writes != policy.Write || got["tier"] != policy.Read[len(policy.Read)-1] {
			t.Errorf("%s of %q, %s: it saves for %q and restores that of %q; the policy writes %q and reads %v",
				tt.event, tt.ref, tt.payload, writes, got["tier"], policy.Write, policy.Read)
		}
	}
}

// What a job restores by the beginning of a key is its own, or the default branch's.
func TestKeysOfOthersDoNotMatch(t *testing.T) {
	const main = `{"repository": {"default_branch": "main"}}`
	trusted := scope(t, "push", "refs/heads/main", main)
	one, twelve := scope(t, "pull_request", "refs/pull/1/merge", main), scope(t, "pull_request", "refs/pull/12/merge", main)
	named := scope(t, "push", "refs/heads/main", main, "inputs.name", "node-22")
	like := scope(t, "push", "refs/heads/main", main, "inputs.name", "node-22.x")
	inFolder := scope(t, "push", "refs/heads/main", main, "inputs.folder", "apps/web")
	evil := scope(t, "pull_request", "refs/pull/1/merge", main, "inputs.name", "x\nwrites=true\nown=heapmage.1.trusted", "inputs.folder", "../../$(id)`id`;,")

	all := map[string]map[string]string{"main": trusted, "pull request 1": one, "pull request 12": twelve, "a name": named, "a longer name": like, "a folder": inFolder, "odd inputs": evil}
	for a, from := range all {
		for b, to := range all {
			if own := strings.HasPrefix(from["key"], to["own"]); own != (a == b) {
				t.Errorf("%s restores what %s has saved: %v (%s, %s)", b, a, own, to["own"], from["key"])
			}
		}
		if strings.ContainsAny(from["key"], ",\n ") || len(from["key"]) > 512 || len(from) != 6 {
			t.Errorf("%s: outputs %v", a, from)
		}
	}
	if !strings.HasPrefix(trusted["key"], one["trusted"]) || !strings.HasPrefix(trusted["key"], twelve["trusted"]) {
		t.Errorf("a pull request does not restore %s by %s", trusted["key"], one["trusted"])
	}
	for name, of := range all {
		if strings.HasPrefix(one["key"], of["trusted"]) {
			t.Errorf("%s restores what pull request 1 has saved as that of the default branch", name)
		}
	}
}
