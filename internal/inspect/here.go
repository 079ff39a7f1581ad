package inspect

import (
	"os"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

// workspaceHere is the workspace around the working folder.
func workspaceHere() (*workspace.Workspace, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, &problem.Error{What: "the working folder is gone", Cause: err, Hint: "cd to the workspace and try again"}
	}
	return workspace.Load(dir)
}
