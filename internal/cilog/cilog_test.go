package cilog

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/ci"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
)

func TestDetect(t *testing.T) {
	root := t.TempDir()
	below := filepath.Join(root, "apps", "web")
	for _, dir := range []string{filepath.Join(root, ".git"), below} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		claim, at string
		env       []string
		system    ci.System // None: there is no log
		folder    string
	}{
		{"the repository's root", root, []string{"GITHUB_ACTIONS=true", "CI=true"}, ci.GitHubActions, "."},
		{"a folder in it", below, []string{"GITLAB_CI=true"}, ci.GitLab, "apps/web"},
		{"no system", root, nil, ci.None, ""},
		{"CI alone has nothing that it obeys", root, []string{"CI=true"}, ci.None, ""},
		{"nor has one without groups", root, []string{"CIRCLECI=true"}, ci.None, ""},
		{"a run inside of another one's task", root, []string{"GITHUB_ACTIONS=true", "HEAPMAGE_TASK=1/core#build"}, ci.None, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got := Detect(&config.Config{}, tt.env, tt.at)
			if got == nil {
				got = &Log{}
			}
			if off := Detect(&config.Config{CI: config.CIOff}, tt.env, tt.at); off != nil {
				t.Error("it cannot be switched off")
			}
			if got.System != tt.system || got.Folder != tt.folder {
				t.Errorf("%v, %q", got.System, got.Folder)
			}
		})
	}
}

func TestNoLog(t *testing.T) {
	var l *Log
	start, end := l.Around(Output{Succeeded: true}, event.Stamped{}.Time)
	if got := start + end + l.Header("x", true) + l.Ended(event.TaskFinished{Status: event.Failed, Reason: "x"}, "x") + l.Failed(event.StepFinished{Reason: "x"}) + l.Rest(); got != "" {
		t.Error(got)
	}
}

// TestMuchIsSaid: what is taken from one attempt is bounded.
func TestMuchIsSaid(t *testing.T) {
	l, masks := &Log{System: ci.GitHubActions}, 0
	ear := l.Listen("x", func(string) string { return "" }, func(string) { masks++ })
	for n := range 2 * mostMasks {
		fmt.Fprintf(ear, "::add-mask::secret %d\n::warning::careful %d\n", n, n)
	}
	if err := ear.Close(); err != nil {
		t.Error(err)
	}
	if own := l.take("x"); masks != mostMasks || len(own) != mostOwn {
		t.Errorf("%d masks, %d annotations", masks, len(own))
	}
}
