package trust

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/objectstore"
)

type vars map[string]string

func (v vars) get(name string) string { return v[name] }

// with is a copy with other values: names and values in turns.
func (v vars) with(pairs ...string) vars {
	v = maps.Clone(v)
	for i := 0; i < len(pairs); i += 2 {
		v[pairs[i]] = pairs[i+1]
	}
	return v
}

var (
	onMain = vars{"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main", "GITHUB_REPOSITORY": "acme/shop"}
	inPull = onMain.with("GITHUB_EVENT_NAME", "pull_request", "GITHUB_REF", "refs/pull/12/merge")

	onProtected = vars{"CI": "true", "GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_PROTECTED": "true", "CI_DEFAULT_BRANCH": "main"}
	inMerge     = vars{"CI": "true", "GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_ID": "991", "CI_MERGE_REQUEST_IID": "7",
		"CI_MERGE_REQUEST_EVENT_TYPE": "detached", "CI_COMMIT_REF_PROTECTED": "false", "CI_DEFAULT_BRANCH": "main"}

	onKite = vars{"CI": "true", "BUILDKITE": "true", "BUILDKITE_SOURCE": "webhook", "BUILDKITE_BRANCH": "main", "BUILDKITE_PIPELINE_DEFAULT_BRANCH": "main",
		"BUILDKITE_PULL_REQUEST": "false", "BUILDKITE_PULL_REQUEST_REPO": "", "BUILDKITE_TAG": "", "BUILDKITE_GITHUB_EVENT": "push"}
)

const (
	pushed = `{"ref": "refs/heads/main", "repository": {"default_branch": "main", "fork": false}}`
	opened = `{"action": "opened", "number": 12, "pull_request": {"number": 12}, "repository": {"default_branch": "main"}}`
	plain  = `{"repository": {"default_branch": "main"}}`
)

// job is one that a CI system starts, and the tier that it writes by itself.
type job struct {
	name   string
	env    vars
	event  string
	write  string
	reason Reason
}

var jobs = []job{
	{"a push to the default branch", onMain, pushed, Trusted, DefaultBranch},
	{"a dispatch on the default branch", onMain.with("GITHUB_EVENT_NAME", "workflow_dispatch"), `{"ref": "main", "repository": {"default_branch": "main"}}`, Trusted, DefaultBranch},
	{"a schedule, which does not tell the branch", onMain.with("GITHUB_EVENT_NAME", "schedule"), `{"schedule": "5 4 * * *"}`, Trusted, DefaultBranch},
	{"a default branch with odd letters", onMain.with("GITHUB_REF", "refs/heads/rel/2.x+é$(id)"), `{"repository": {"default_branch": "rel/2.x+é$(id)"}}`, Trusted, DefaultBranch},
	{"a pull request", inPull, opened, "pull-12", PullRequest},
	{"a pull request on Gitea", inPull.with("GITHUB_REF", "refs/pull/12/head"), opened, "pull-12", PullRequest},
	{"a pull request from a fork", inPull, `{"number": 12, "pull_request": {"head": {"repo": {"fork": true, "full_name": "eve/shop"}}}, "repository": {"default_branch": "main"}}`, "pull-12", PullRequest},

	{"a push to another branch", onMain.with("GITHUB_REF", "refs/heads/feature"), `{"ref": "refs/heads/feature", "repository": {"default_branch": "main"}}`, "", OtherBranch},
	{"a push to the queue's branch", onMain.with("GITHUB_REF", "refs/heads/gh-readonly-queue/main/pr-12-0a"), plain, "", OtherBranch},
	{"a branch called as the ref of the default one", onMain.with("GITHUB_REF", "refs/heads/refs/heads/main"), plain, "", OtherBranch},
	{"a branch in other letters", onMain.with("GITHUB_REF", "refs/heads/Main"), plain, "", OtherBranch},
	{"a tag called as the default branch", onMain.with("GITHUB_REF", "refs/tags/main"), `{"ref": "refs/tags/main", "repository": {"default_branch": "main"}}`, "", OtherBranch},
	{"a fork's push to a branch of the same name", onMain.with("GITHUB_REPOSITORY", "eve/shop"), `{"ref": "refs/heads/main", "repository": {"default_branch": "main", "fork": true}}`, "", Fork},
	{"a dispatch on another branch", onMain.with("GITHUB_EVENT_NAME", "workflow_dispatch", "GITHUB_REF", "refs/heads/eve"), plain, "", OtherBranch},
	{"a push whose event tells of another ref", onMain, `{"ref": "refs/heads/eve", "repository": {"default_branch": "main"}}`, "", Unclear},
	{"a push without an event", onMain, ``, "", Unclear},
	{"an event that is no JSON", onMain, `{"ref": "refs/heads/main", "repository": {"default_branch": "main"`, "", Unclear},
	{"an event that goes on", onMain, pushed + `{"ref": "x"}`, "", Unclear},
	{"an event that is a list", onMain, `[` + pushed + `]`, "", Unclear},
	{"an event with a branch that is no text", onMain, `{"repository": {"default_branch": ["main"]}}`, "", Unclear},
	{"an event without a repository", onMain, `{}`, "", Unclear},
	{"neither a ref nor a default branch", onMain.with("GITHUB_REF", ""), `{"repository": {"default_branch": ""}}`, "", Unclear},
	{"a schedule without a ref", onMain.with("GITHUB_EVENT_NAME", "schedule", "GITHUB_REF", ""), `{}`, "", Unclear},
	{"a schedule on a tag", onMain.with("GITHUB_EVENT_NAME", "schedule", "GITHUB_REF", "refs/tags/main"), `{}`, "", OtherBranch},
	{"no event's name", onMain.with("GITHUB_EVENT_NAME", ""), pushed, "", Unclear},
	{"an event's name in other letters", onMain.with("GITHUB_EVENT_NAME", "Push"), pushed, "", OtherEvent},

	{"a pull request that was merged, on the branch that it went to", inPull.with("GITHUB_REF", "refs/heads/main"), opened, "", Unclear},
	{"a pull request of another number than its event's", inPull.with("GITHUB_REF", "refs/pull/13/merge"), opened, "", Unclear},
	{"a pull request whose ref leads out", inPull.with("GITHUB_REF", "refs/pull/1/../../trusted/merge"), `{}`, "", Unclear},
	{"a pull request called as the trusted tier", inPull.with("GITHUB_REF", "refs/pull/trusted/merge"), `{}`, "", Unclear},
	{"a number with a zero in front", inPull.with("GITHUB_REF", "refs/pull/012/merge"), opened, "", Unclear},
	{"a negative number", inPull.with("GITHUB_REF", "refs/pull/-12/merge"), `{"number": -12}`, "", Unclear},
	{"a number in other digits", inPull.with("GITHUB_REF", "refs/pull/१२/merge"), opened, "", Unclear},
	{"a number without end", inPull.with("GITHUB_REF", "refs/pull/"+strings.Repeat("9", 300)+"/merge"), `{}`, "", Unclear},
	{"a ref that goes on", inPull.with("GITHUB_REF", "refs/pull/12/merge\nrefs/heads/main"), opened, "", Unclear},
	{"a merge queue", onMain.with("GITHUB_EVENT_NAME", "merge_group", "GITHUB_REF", "refs/heads/gh-readonly-queue/main/pr-12-0a"), plain, "", MergeQueue},
	{"pull_request_target", onMain.with("GITHUB_EVENT_NAME", "pull_request_target"), opened, "", OthersCode},
	{"workflow_run", onMain.with("GITHUB_EVENT_NAME", "workflow_run"), plain, "", OthersCode},
	{"issue_comment", onMain.with("GITHUB_EVENT_NAME", "issue_comment"), plain, "", OthersCode},
	{"a review, on the pull request's ref", inPull.with("GITHUB_EVENT_NAME", "pull_request_review"), opened, "", OtherEvent},
	{"a release", onMain.with("GITHUB_EVENT_NAME", "release", "GITHUB_REF", "refs/tags/v1"), plain, "", OtherEvent},
	{"a repository_dispatch", onMain.with("GITHUB_EVENT_NAME", "repository_dispatch"), plain, "", OtherEvent},

	{"a push to a protected branch", onProtected, "", Trusted, ProtectedBranch},
	{"a schedule on a protected branch", onProtected.with("CI_PIPELINE_SOURCE", "schedule"), "", Trusted, ProtectedBranch},
	{"a pipeline started by hand", onProtected.with("CI_PIPELINE_SOURCE", "web"), "", Trusted, ProtectedBranch},
	{"a child pipeline", onProtected.with("CI_PIPELINE_SOURCE", "parent_pipeline"), "", Trusted, ProtectedBranch},
	{"a merge request", inMerge, "", "merge-7", PullRequest},
	{"a child pipeline of a merge request", inMerge.with("CI_PIPELINE_SOURCE", "parent_pipeline"), "", "merge-7", PullRequest},
	{"a merge request that GitLab calls protected", inMerge.with("CI_COMMIT_REF_PROTECTED", "true", "CI_COMMIT_BRANCH", "main"), "", "merge-7", PullRequest},
	{"a merge train", inMerge.with("CI_MERGE_REQUEST_EVENT_TYPE", "merge_train"), "", "", MergeQueue},
	{"a push to a branch without protection", onProtected.with("CI_COMMIT_REF_PROTECTED", "false"), "", "", OtherBranch},
	{"a protection in other words", onProtected.with("CI_COMMIT_REF_PROTECTED", "1"), "", "", OtherBranch},
	{"no word on protection", onProtected.with("CI_COMMIT_REF_PROTECTED", ""), "", "", Unclear},
	{"no source", onProtected.with("CI_PIPELINE_SOURCE", ""), "", "", Unclear},
	{"a protected tag", onProtected.with("CI_COMMIT_TAG", "v1", "CI_COMMIT_BRANCH", ""), "", "", OtherBranch},
	{"a protected tag called as the branch", onProtected.with("CI_COMMIT_TAG", "main"), "", "", OtherBranch},
	{"no branch", onProtected.with("CI_COMMIT_BRANCH", ""), "", "", OtherBranch},
	{"a trigger's token", onProtected.with("CI_PIPELINE_SOURCE", "trigger"), "", "", OtherEvent},
	{"the API", onProtected.with("CI_PIPELINE_SOURCE", "api"), "", "", OtherEvent},
	{"another project's pipeline", onProtected.with("CI_PIPELINE_SOURCE", "pipeline"), "", "", OtherEvent},
	{"a pull request on GitHub that GitLab builds", onProtected.with("CI_EXTERNAL_PULL_REQUEST_IID", "3"), "", "", OtherEvent},
	{"a push that has a merge request's ID", onProtected.with("CI_MERGE_REQUEST_ID", "991"), "", "", Unclear},
	{"a push that has a merge request's number", onProtected.with("CI_MERGE_REQUEST_IID", "7"), "", "", Unclear},
	{"a merge request whose number leads out", inMerge.with("CI_MERGE_REQUEST_IID", "7/../../trusted"), "", "", Unclear},
	{"a merge request without a number", inMerge.with("CI_MERGE_REQUEST_IID", ""), "", "", Unclear},

	{"Buildkite: a push to the default branch", onKite, "", Trusted, DefaultBranch},
	{"Buildkite: a push on Bitbucket", onKite.with("BUILDKITE_GITHUB_EVENT", ""), "", Trusted, DefaultBranch},
	{"Buildkite: a schedule", onKite.with("BUILDKITE_SOURCE", "schedule", "BUILDKITE_GITHUB_EVENT", ""), "", Trusted, DefaultBranch},
	{"Buildkite: a pull request", onKite.with("BUILDKITE_PULL_REQUEST", "12", "BUILDKITE_BRANCH", "feature"), "", "pull-12", PullRequest},
	{"Buildkite: a fork's pull request from its main", onKite.with("BUILDKITE_PULL_REQUEST", "12", "BUILDKITE_PULL_REQUEST_REPO", "git://github.com/eve/shop.git"), "", "pull-12", PullRequest},
	{"Buildkite: a fork's repository, but no number", onKite.with("BUILDKITE_PULL_REQUEST_REPO", "git://github.com/eve/shop.git"), "", "", Unclear},
	{"Buildkite: another branch", onKite.with("BUILDKITE_BRANCH", "feature"), "", "", OtherBranch},
	{"Buildkite: a fork's branch", onKite.with("BUILDKITE_BRANCH", "eve:main"), "", "", OtherBranch},
	{"Buildkite: a tag called as the default branch", onKite.with("BUILDKITE_TAG", "main"), "", "", OtherBranch},
	{"Buildkite: by hand, with any commit", onKite.with("BUILDKITE_SOURCE", "ui"), "", "", ByHand},
	{"Buildkite: the API, with any commit", onKite.with("BUILDKITE_SOURCE", "api"), "", "", ByHand},
	{"Buildkite: another pipeline", onKite.with("BUILDKITE_SOURCE", "trigger_job"), "", "", ByHand},
	{"Buildkite: a comment", onKite.with("BUILDKITE_GITHUB_EVENT", "issue_comment"), "", "", OtherEvent},
	{"Buildkite: a merge queue", onKite.with("BUILDKITE_MERGE_QUEUE_BASE_BRANCH", "main"), "", "", MergeQueue},
	{"Buildkite: no word on a pull request", onKite.with("BUILDKITE_PULL_REQUEST", ""), "", "", Unclear},
	{"Buildkite: a number that leads out", onKite.with("BUILDKITE_PULL_REQUEST", "1/../trusted"), "", "", Unclear},
	{"Buildkite: no source", onKite.with("BUILDKITE_SOURCE", ""), "", "", Unclear},
	{"Buildkite: no default branch, and no branch", onKite.with("BUILDKITE_BRANCH", "", "BUILDKITE_PIPELINE_DEFAULT_BRANCH", ""), "", "", Unclear},

	{"GitHub and GitLab at once", onMain.with("GITLAB_CI", "true"), pushed, "", Unclear},
	{"GitLab and Buildkite at once", onProtected.with("BUILDKITE", "true"), "", "", Unclear},
	{"Buildkite and GitHub at once, one of which says no", onKite.with("GITHUB_ACTIONS", "false"), "", "", Unclear},
	{"a system without a rule", vars{"CI": "true", "JENKINS_URL": "https://ci.example", "BRANCH_NAME": "main"}, pushed, "", OtherCI},
	{"GitHub's variables without its mark", onMain.with("GITHUB_ACTIONS", ""), pushed, "", OtherCI},
	{"a developer's machine", vars{"HOME": "/home/ada"}, "", "", NoCI},
}

func TestWhatEachEventMayDo(t *testing.T) {
	for _, j := range jobs {
		t.Run(j.name, func(t *testing.T) {
			p := Of(j.env.get, []byte(j.event), ByEvent)
			if p.Write != j.write || p.Reason != j.reason {
				t.Errorf("got %q because %v, want %q because %v", p.Write, p.Reason, j.write, j.reason)
			}
			want := []string{Trusted}
			if j.write != "" && j.write != Trusted {
				want = append(want, j.write)
			}
			if !slices.Equal(p.Read, want) {
				t.Errorf("reads %v, want %v: the trusted tier first", p.Read, want)
			}
		})
	}
}

func TestNeverStoresNothing(t *testing.T) {
	for _, j := range jobs {
		for _, mode := range []Mode{Never, "Always", "ci "} {
			if p := Of(j.env.get, []byte(j.event), mode); p.Write != "" || p.Reason != Forbidden {
				t.Errorf("%s, mode %q: writes %q because %v", j.name, mode, p.Write, p.Reason)
			}
		}
	}
}

// What others may have written is stored in no tier that others read, whatever is set.
func TestAlways(t *testing.T) {
	told := 0
	for _, j := range jobs {
		p := Of(j.env.get, []byte(j.event), Always)
		want, reason := j.write, j.reason
		switch j.reason {
		case OtherBranch, Fork, ByHand, OtherCI, NoCI:
			want, reason = Trusted, Told
			told++
		}
		if p.Write != want || p.Reason != reason {
			t.Errorf("%s: writes %q because %v, want %q because %v", j.name, p.Write, p.Reason, want, reason)
		}
	}
	if told == 0 {
		t.Error("always changes nothing")
	}
}

func TestEachReasonHasItsSentence(t *testing.T) {
	seen := map[string]bool{}
	for r := Unclear; r <= Forbidden; r++ {
		text := r.String()
		if text == "" || seen[text] || strings.HasSuffix(text, ".") {
			t.Errorf("reason %d: %q", r, text)
		}
		seen[text] = true
	}
}

func TestHereReadsTheEventsFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "event.json")
	if err := os.WriteFile(file, []byte(pushed), 0o600); err != nil {
		t.Fatal(err)
	}
	if p := Here(onMain.with("GITHUB_EVENT_PATH", file).get, ""); p.Write != Trusted {
		t.Errorf("writes %q because %v", p.Write, p.Reason)
	}
	for _, path := range []string{"", dir, filepath.Join(dir, "none")} {
		if p := Here(onMain.with("GITHUB_EVENT_PATH", path).get, ""); p.Write != "" || p.Reason != Unclear {
			t.Errorf("event in %q: writes %q because %v", path, p.Write, p.Reason)
		}
	}
	endless := filepath.Join(dir, "endless")
	if err := os.WriteFile(endless, []byte(pushed+strings.Repeat(" ", 17<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	if p := Here(onMain.with("GITHUB_EVENT_PATH", endless).get, ""); p.Write != "" {
		t.Errorf("an endless event: writes %q", p.Write)
	}
}

// Whatever the variables hold, a tier is a word of a name, the trusted one goes to nobody whose
// variables speak of a pull request, and a job without a word on its default branch never gets it.
func TestNoVariablesLeadOut(t *testing.T) {
	names := map[string]bool{}
	values := []string{"", "true", "false", "0", "main", "refs/heads/main", "refs/pull/1/merge", "refs/pull/1/../../trusted/merge", "1", "trusted", "../trusted", "push", "web", "webhook",
		"merge_request_event", "parent_pipeline", "pull_request", "pull_request_target", "schedule", "merge_train", "eve:main", "1\n", "١"}
	for _, j := range jobs {
		for name := range j.env {
			names[name] = true
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	rapid.Check(t, func(t *rapid.T) {
		env := rapid.SampledFrom(jobs).Draw(t, "job").env
		for i := range rapid.IntRange(0, 6).Draw(t, "changes") {
			env = env.with(rapid.SampledFrom(sorted).Draw(t, "name"+strconv.Itoa(i)), rapid.OneOf(rapid.SampledFrom(values), rapid.String()).Draw(t, "value"+strconv.Itoa(i)))
		}
		event := rapid.OneOf(rapid.SampledFrom([]string{pushed, opened, plain, "{}", ""}), rapid.String()).Draw(t, "event")
		p := Of(env.get, []byte(event), "")
		for _, tier := range append(slices.Clone(p.Read), p.Write) {
			if tier != "" && (strings.Contains(tier, "/") || !objectstore.ValidName(tier+"/results/0a")) {
				t.Fatalf("%v: the tier %q", env, tier)
			}
		}
		if p.Read[0] != Trusted || len(p.Read) > 2 || len(p.Read) == 2 && p.Read[1] != p.Write {
			t.Fatalf("%v: reads %v, writes %q", env, p.Read, p.Write)
		}
		if p.Write != Trusted {
			return
		}
		for _, name := range []string{"CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_ID", "CI_EXTERNAL_PULL_REQUEST_IID", "CI_COMMIT_TAG", "BUILDKITE_TAG", "BUILDKITE_PULL_REQUEST_REPO", "BUILDKITE_MERGE_QUEUE_BASE_BRANCH"} {
			system, _, _ := strings.Cut(name, "_")
			if env[name] != "" && env[map[string]string{"CI": "GITLAB_CI", "BUILDKITE": "BUILDKITE"}[system]] == "true" {
				t.Fatalf("%s is %q, and it writes the trusted tier: %v", name, env[name], env)
			}
		}
		if env["GITHUB_ACTIONS"] == "true" && !slices.Contains([]string{"push", "schedule", "workflow_dispatch"}, env["GITHUB_EVENT_NAME"]) {
			t.Fatalf("it writes the trusted tier: %v", env)
		}
	})
}
