package summary

import (
	"errors"
	"fmt"

	"github.com/heapmage/heapmage/ci"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/timeline"
)

// Append adds a run of the workspace at root to the summary of the CI step that runs, if the
// system has summaries and the run a record.
func Append(env []string, root, id string) error {
	run, _, err := timeline.Open(root, "-run", id)
	if err != nil {
		return nil //nolint:nilerr // the log has told that it is not recorded
	}
	err = ci.AppendSummary(func(name string) string { return environ.Value(env, name) }, Markdown(run))
	if err == nil || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return fmt.Errorf("the summary of the CI step lacks this run: %w", err)
}
