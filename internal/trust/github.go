package trust

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// event is what counts of GitHub's description of an event.
type event struct {
	Ref        string `json:"ref"`    // of a push: what was pushed to
	Number     int64  `json:"number"` // of a pull request
	Repository struct {
		DefaultBranch string `json:"default_branch"`
		Fork          bool   `json:"fork"`
	} `json:"repository"`
}

// pullRef is the ref of a pull request: GitHub builds what a merge would give, Gitea the head.
var pullRef = regexp.MustCompile(`^refs/pull/([1-9][0-9]{0,9})/(?:merge|head)$`)

// github decides for GitHub Actions, and for what sets its variables. What each event has for a ref:
// https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
func github(getenv func(string) string, text []byte) (string, Reason) {
	name, ref := getenv("GITHUB_EVENT_NAME"), getenv("GITHUB_REF")
	var e event
	if json.Unmarshal(text, &e) != nil {
		return "", Unclear
	}
	switch name {
	case "push":
		if e.Ref != "" && e.Ref != ref {
			return "", Unclear
		}
		return e.branch(ref)
	case "workflow_dispatch":
		return e.branch(ref)
	case "schedule":
		// It runs on the default branch only, and often does not say which that is.
		if e.Repository.DefaultBranch == "" {
			e.Repository.DefaultBranch = strings.TrimPrefix(ref, "refs/heads/")
		}
		return e.branch(ref)
	case "pull_request":
		// Once it is merged, the event that closes it has the branch for its ref.
		of := pullRef.FindStringSubmatch(ref)
		if of == nil || e.Number != 0 && of[1] != strconv.FormatInt(e.Number, 10) {
			return "", Unclear
		}
		return "pull-" + of[1], PullRequest
	case "merge_group":
		return "", MergeQueue
	case "pull_request_target", "workflow_run", "issue_comment":
		return "", OthersCode
	case "":
		return "", Unclear
	default:
		return "", OtherEvent
	}
}

// branch decides for an event that builds a branch.
func (e *event) branch(ref string) (string, Reason) {
	own := e.Repository.DefaultBranch
	switch {
	case own == "" || ref == "":
		return "", Unclear
	case ref != "refs/heads/"+own:
		return "", OtherBranch
	case e.Repository.Fork:
		return "", Fork
	default:
		return Trusted, DefaultBranch
	}
}
