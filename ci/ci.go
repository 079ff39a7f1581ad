// Package ci detects the continuous integration system that a program runs on, and speaks its
// language: groups in the log, annotations, hidden secrets, the summary and outputs of a step.
// Where a system has no such thing, the text for it is empty. It also keeps the output of other
// programs from speaking that language ([System.AppendInert]), and decides whether a log shows
// colors.
//
// No text that is passed to this package can add a command, or change the one that is meant: the
// tests parse all that it returns as the agents of the systems do. It starts nothing, writes
// only the files that GitHub Actions names, and imports only the standard library.
package ci

// System is a continuous integration system. The zero value is None.
type System int

// The systems that Detect knows.
const (
	None  System = iota // no CI system
	Other               // a CI system that sets CI and is none of these
	AppVeyor
	AzurePipelines
	Bitbucket // Bitbucket Pipelines
	Buildkite
	CircleCI
	CodeBuild // AWS CodeBuild
	Drone
	GitHubActions // and the systems that set its variables, such as Gitea and Forgejo
	GitLab
	Jenkins
	Semaphore
	TeamCity
	Travis
	Woodpecker
)

// markers are the variables that the systems document for detection. The first
// that matches wins: Woodpecker comes before Drone, whose variables its earlier
// versions set too.
var markers = []struct {
	system   System
	variable string
	value    string // the exact value; "" means any that isSet accepts
}{
	{Woodpecker, "CI", "woodpecker"},
	{GitHubActions, "GITHUB_ACTIONS", ""},
	{GitLab, "GITLAB_CI", ""},
	{Buildkite, "BUILDKITE", ""},
	{AzurePipelines, "TF_BUILD", ""},
	{CircleCI, "CIRCLECI", ""},
	{Bitbucket, "BITBUCKET_BUILD_NUMBER", ""},
	{TeamCity, "TEAMCITY_VERSION", ""},
	{AppVeyor, "APPVEYOR", ""},
	{Drone, "DRONE", ""},
	{CodeBuild, "CODEBUILD_BUILD_ID", ""},
	{Semaphore, "SEMAPHORE", ""},
	{Travis, "TRAVIS", ""},
	{Jenkins, "JENKINS_URL", ""},
	{Other, "CI", ""},
}

// Detect returns the system whose variables getenv has, usually os.Getenv. A
// variable that is empty, "0" or "false" counts as unset, so CI=false on a
// developer's machine means None. It does not hide a system that is recognized
// by a variable other than CI.
func Detect(getenv func(string) string) System {
	for _, m := range markers {
		if v := getenv(m.variable); v == m.value && v != "" || m.value == "" && isSet(v) {
			return m.system
		}
	}
	return None
}

func isSet(value string) bool {
	switch value {
	case "", "0", "false", "False", "FALSE":
		return false
	}
	return true
}

var names = map[System]string{
	None: "none", Other: "CI", AppVeyor: "AppVeyor", AzurePipelines: "Azure Pipelines", Bitbucket: "Bitbucket Pipelines",
	Buildkite: "Buildkite", CircleCI: "CircleCI", CodeBuild: "AWS CodeBuild", Drone: "Drone", GitHubActions: "GitHub Actions",
	GitLab: "GitLab CI", Jenkins: "Jenkins", Semaphore: "Semaphore", TeamCity: "TeamCity", Travis: "Travis CI", Woodpecker: "Woodpecker CI",
}

// String returns the system's own name, such as "GitHub Actions"; "none" for
// None, and "CI" for Other.
func (s System) String() string { return names[s] }
