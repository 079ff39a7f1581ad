package trust

import "regexp"

// number is how pull and merge requests are counted.
var number = regexp.MustCompile(`^[1-9][0-9]{0,9}$`)

// gitlab decides for GitLab CI. What the variables mean:
// https://docs.gitlab.com/ci/variables/predefined_variables/
func gitlab(getenv func(string) string) (string, Reason) {
	source, request := getenv("CI_PIPELINE_SOURCE"), getenv("CI_MERGE_REQUEST_IID")
	switch {
	case request != "" || getenv("CI_MERGE_REQUEST_ID") != "" || source == "merge_request_event":
		return mergeRequest(source, request, getenv("CI_MERGE_REQUEST_EVENT_TYPE"))
	case source == "" || getenv("CI_COMMIT_REF_PROTECTED") == "":
		return "", Unclear
	case getenv("CI_EXTERNAL_PULL_REQUEST_IID") != "":
		return "", OtherEvent // its code may come from a fork on GitHub
	// A child pipeline has the ref of its parent, and runs what a job of the parent has written.
	case source != "push" && source != "schedule" && source != "web" && source != "parent_pipeline":
		return "", OtherEvent
	case getenv("CI_COMMIT_TAG") != "" || getenv("CI_COMMIT_BRANCH") == "" || getenv("CI_COMMIT_REF_PROTECTED") != "true":
		return "", OtherBranch
	default:
		return Trusted, ProtectedBranch
	}
}

// mergeRequest decides for the pipeline of a merge request, or a child of one, which has its variables.
// GitLab can call such a pipeline protected, too.
func mergeRequest(source, request, kind string) (string, Reason) {
	switch {
	case kind == "merge_train":
		return "", MergeQueue
	case !number.MatchString(request) || source != "merge_request_event" && source != "parent_pipeline":
		return "", Unclear
	default:
		return "merge-" + request, PullRequest
	}
}
