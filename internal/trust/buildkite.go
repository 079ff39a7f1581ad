package trust

// buildkite decides for Buildkite. What the variables mean:
// https://buildkite.com/docs/pipelines/configure/environment-variables
func buildkite(getenv func(string) string) (string, Reason) {
	branch, own := getenv("BUILDKITE_BRANCH"), getenv("BUILDKITE_PIPELINE_DEFAULT_BRANCH")
	if getenv("BUILDKITE_MERGE_QUEUE_BASE_BRANCH") != "" {
		return "", MergeQueue
	}
	// A fork's branch may be called as the default branch: its builds have a pull request.
	if request := getenv("BUILDKITE_PULL_REQUEST"); request != "false" {
		if !number.MatchString(request) {
			return "", Unclear
		}
		return "pull-" + request, PullRequest
	}
	switch {
	case branch == "" || own == "" || getenv("BUILDKITE_PULL_REQUEST_REPO") != "":
		return "", Unclear
	case branch != own || getenv("BUILDKITE_TAG") != "": // the branch of a tag is its name
		return "", OtherBranch
	}
	switch getenv("BUILDKITE_SOURCE") {
	case "schedule":
		return Trusted, DefaultBranch
	case "webhook":
		if event := getenv("BUILDKITE_GITHUB_EVENT"); event != "" && event != "push" {
			return "", OtherEvent
		}
		return Trusted, DefaultBranch
	case "ui", "api", "trigger_job":
		return "", ByHand
	default:
		return "", Unclear
	}
}
