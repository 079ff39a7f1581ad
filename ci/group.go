package ci

import (
	"fmt"
	"strings"
	"time"
)

// Group is a part of a log that its reader can open and close. The forms are those of
//
//   - https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
//   - https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
//   - https://docs.gitlab.com/ci/jobs/job_logs/
//   - https://buildkite.com/docs/pipelines/configure/managing-log-output
//   - https://www.jetbrains.com/help/teamcity/service-messages.html
//   - travis_fold.bash in github.com/travis-ci/travis-build
type Group struct {
	// ID tells the group from others of the job, on GitLab and Travis. Other characters than
	// letters, digits, ".", "_" and "-" are replaced.
	ID string
	// Title is shown for the group, in one line.
	Title string
	// Open shows the group open, where the system leaves that to the program: GitLab and
	// Buildkite. Elsewhere it changes nothing: GitHub and Azure show groups closed.
	Open bool
}

// Start returns the line that begins the group in the log of a system, with its end. It is empty
// if the system has no groups. GitLab shows how long the group took: from at to that of End, to the
// second; elsewhere at means nothing. Groups must not contain each other.
func (g Group) Start(on System, at time.Time) string {
	title := strings.TrimSpace(text(g.Title, false))
	switch on {
	case GitHubActions:
		return "::group::" + githubData.Replace(title) + "\n"
	case AzurePipelines:
		return "##[group]" + title + "\n"
	case GitLab:
		collapsed := "[collapsed=true]"
		if g.Open {
			collapsed = ""
		}
		return fmt.Sprintf("section_start:%d:%s%s\r\x1b[0K%s\n", at.Unix(), g.id(), collapsed, title)
	case Buildkite:
		if g.Open {
			return "+++ " + title + "\n"
		}
		return "--- " + title + "\n"
	case TeamCity:
		return "##teamcity[blockOpened name='" + teamcityText.Replace(title) + "']\n"
	case Travis:
		return fmt.Sprintf("travis_fold:start:%s\r\x1b[0K%s\n", g.id(), title)
	default:
		return ""
	}
}

// End returns the line that ends the group, as Start does. It is also empty on Buildkite, where a
// group lasts until the next.
func (g Group) End(on System, at time.Time) string {
	switch on {
	case GitHubActions:
		return "::endgroup::\n"
	case AzurePipelines:
		return "##[endgroup]\n"
	case GitLab:
		return fmt.Sprintf("section_end:%d:%s\r\x1b[0K\n", at.Unix(), g.id())
	case TeamCity:
		return "##teamcity[blockClosed name='" + teamcityText.Replace(strings.TrimSpace(text(g.Title, false))) + "']\n"
	case Travis:
		return fmt.Sprintf("travis_fold:end:%s\r\x1b[0K\n", g.id())
	default:
		return ""
	}
}

func (g Group) id() string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, "g"+g.ID)
}
