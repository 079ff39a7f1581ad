// Package trust decides which tiers of a shared cache a job reads, and which one it writes, by what the
// CI system tells of the event that started it. It starts nothing and writes nothing.
//
// It keeps honest jobs apart. It is no boundary, because a job can set its own variables: that is the
// signing key and the server's credential, which jobs that run others' code must not have
// (docs/cache-security.md).
package trust

import (
	"slices"

	"github.com/heapmage/heapmage/ci"
	"github.com/heapmage/heapmage/internal/folder"
)

// Trusted is the tier that all jobs read. A pull request has one of its own beside it: "pull-12",
// or "merge-12" for a merge request of GitLab.
const Trusted = "trusted"

// Policy is what a job may do with a shared cache.
type Policy struct {
	// Read are the tiers to look in, in this order: what the trusted one knows counts first.
	Read []string
	// Write is the tier in which results are stored; empty if none are.
	Write string
	// Reason is why.
	Reason Reason
}

// Mode is the setting cache.write.
type Mode string

// The modes.
const (
	// ByEvent is the default, as is an empty mode: the event decides.
	ByEvent Mode = "ci"
	// Always stores results in the trusted tier also on a developer's machine, in builds of other
	// branches, and on CI systems that are not known here. It changes nothing for pull requests, for
	// events that are not known here, and for those that can run others' code.
	Always Mode = "always"
	// Never stores nothing. So do words that are no mode.
	Never Mode = "never"
)

// Here is the policy of this process. getenv is usually os.Getenv. It reads the file in which GitHub
// Actions describes the event; one that cannot be read grants nothing.
func Here(getenv func(string) string, mode Mode) Policy {
	var event []byte
	if ci.Detect(getenv) == ci.GitHubActions {
		event, _ = folder.ReadFile(getenv("GITHUB_EVENT_PATH"))
	}
	return Of(getenv, event, mode)
}

// Of is the policy of a job. event is the JSON in which GitHub Actions describes the event; other
// systems have none.
func Of(getenv func(string) string, event []byte, mode Mode) Policy {
	own, reason := tier(getenv, event)
	p := Policy{Read: []string{Trusted}, Write: own, Reason: reason}
	if own != "" && own != Trusted {
		p.Read = append(p.Read, own)
	}
	switch mode {
	case "", ByEvent:
	case Always:
		if own == "" && !reason.final() {
			p.Write, p.Reason = Trusted, Told
		}
	default:
		p.Write, p.Reason = "", Forbidden
	}
	return p
}

// tier is the one that a job writes if nothing is set, and why.
func tier(getenv func(string) string, event []byte) (string, Reason) {
	claims := slices.DeleteFunc([]string{"GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE"}, func(name string) bool { return getenv(name) == "" })
	if len(claims) > 1 {
		return "", Unclear
	}
	switch ci.Detect(getenv) {
	case ci.GitHubActions:
		return github(getenv, event)
	case ci.GitLab:
		return gitlab(getenv)
	case ci.Buildkite:
		return buildkite(getenv)
	case ci.None:
		return "", NoCI
	default:
		return "", OtherCI
	}
}
