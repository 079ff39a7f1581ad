package ci_test

import (
	"testing"

	"github.com/heapmage/heapmage/ci"
)

// env is an environment as a lookup.
func env(entries map[string]string) func(string) string {
	return func(name string) string { return entries[name] }
}

func TestDetect(t *testing.T) {
	for _, tt := range []struct {
		claim string
		env   map[string]string
		want  ci.System
		name  string
	}{
		{"nothing set", nil, ci.None, "none"},
		{"a variable that merely looks like one", map[string]string{"CIRCLE": "true", "CI_NAME": "x"}, ci.None, "none"},
		{"CI alone", map[string]string{"CI": "true"}, ci.Other, "CI"},
		{"CI with a number", map[string]string{"CI": "1"}, ci.Other, "CI"},
		{"CI switched off", map[string]string{"CI": "false"}, ci.None, "none"},
		{"CI switched off with a number", map[string]string{"CI": "0"}, ci.None, "none"},
		{"CI switched off on a known system", map[string]string{"CI": "false", "GITHUB_ACTIONS": "true"}, ci.GitHubActions, "GitHub Actions"},
		{"a system's variable switched off", map[string]string{"TRAVIS": "false"}, ci.None, "none"},
		{"GitHub Actions", map[string]string{"CI": "true", "GITHUB_ACTIONS": "true"}, ci.GitHubActions, "GitHub Actions"},
		{"Gitea", map[string]string{"CI": "true", "GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true"}, ci.GitHubActions, "GitHub Actions"},
		{"GitLab", map[string]string{"CI": "true", "GITLAB_CI": "true"}, ci.GitLab, "GitLab CI"},
		{"Buildkite", map[string]string{"CI": "true", "BUILDKITE": "true"}, ci.Buildkite, "Buildkite"},
		{"Azure Pipelines, which sets no CI", map[string]string{"TF_BUILD": "True"}, ci.AzurePipelines, "Azure Pipelines"},
		{"CircleCI", map[string]string{"CI": "true", "CIRCLECI": "true"}, ci.CircleCI, "CircleCI"},
		{"Jenkins, which sets no CI", map[string]string{"JENKINS_URL": "http://localhost:8080/", "BUILD_ID": "7"}, ci.Jenkins, "Jenkins"},
		{"Travis", map[string]string{"CI": "true", "TRAVIS": "true"}, ci.Travis, "Travis CI"},
		{"Bitbucket", map[string]string{"CI": "true", "BITBUCKET_BUILD_NUMBER": "12"}, ci.Bitbucket, "Bitbucket Pipelines"},
		{"TeamCity, which sets no CI", map[string]string{"TEAMCITY_VERSION": "2025.07"}, ci.TeamCity, "TeamCity"},
		{"AppVeyor on Windows", map[string]string{"CI": "True", "APPVEYOR": "True"}, ci.AppVeyor, "AppVeyor"},
		{"Drone", map[string]string{"CI": "true", "DRONE": "true"}, ci.Drone, "Drone"},
		{"Woodpecker", map[string]string{"CI": "woodpecker"}, ci.Woodpecker, "Woodpecker CI"},
		{"an early Woodpecker with Drone's variables", map[string]string{"CI": "woodpecker", "DRONE": "true"}, ci.Woodpecker, "Woodpecker CI"},
		{"CodeBuild", map[string]string{"CI": "true", "CODEBUILD_BUILD_ID": "demo:b1e6661e"}, ci.CodeBuild, "AWS CodeBuild"},
		{"Semaphore", map[string]string{"CI": "true", "SEMAPHORE": "true"}, ci.Semaphore, "Semaphore"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got := ci.Detect(env(tt.env))
			if got != tt.want || got.String() != tt.name {
				t.Errorf("%v (%d), want %s (%d)", got, got, tt.name, tt.want)
			}
		})
	}
}

func TestColor(t *testing.T) {
	for _, tt := range []struct {
		claim    string
		env      map[string]string
		terminal bool
		want     bool
	}{
		{"a terminal has colors", nil, true, true},
		{"a pipe has none", nil, false, false},
		{"CI has none by itself", map[string]string{"CI": "true", "GITHUB_ACTIONS": "true"}, false, false},
		{"NO_COLOR wins over a terminal", map[string]string{"NO_COLOR": "1"}, true, false},
		{"NO_COLOR wins over FORCE_COLOR", map[string]string{"NO_COLOR": "0", "FORCE_COLOR": "1"}, true, false},
		{"an empty NO_COLOR is unset", map[string]string{"NO_COLOR": ""}, true, true},
		{"a dumb terminal has none", map[string]string{"TERM": "dumb", "FORCE_COLOR": "1"}, true, false},
		{"FORCE_COLOR reaches a pipe", map[string]string{"FORCE_COLOR": "1"}, false, true},
		{"FORCE_COLOR=3 is a depth", map[string]string{"FORCE_COLOR": "3"}, false, true},
		{"FORCE_COLOR=0 turns a terminal's off", map[string]string{"FORCE_COLOR": "0"}, true, false},
		{"FORCE_COLOR=false does too", map[string]string{"FORCE_COLOR": "false"}, true, false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := ci.Color(env(tt.env), tt.terminal); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
