//go:build unix

package ci_test

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/heapmage/heapmage/ci"
)

func TestSummaryIsAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	for what, err := range map[string]error{
		"a small summary":                      ci.AppendSummary(func(string) string { return pipe }, "x"),
		"one that is larger than the pipe":     ci.AppendSummary(func(string) string { return pipe }, strings.Repeat("x", 1<<19)),
		"an output to a pipe without a reader": ci.SetOutput(func(string) string { return pipe }, "x", "y"),
	} {
		if err == nil || errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
