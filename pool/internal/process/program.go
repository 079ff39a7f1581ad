package process

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/memtools"
)

// Program is what the worker processes of a pool run.
type Program struct {
	// Name is the program in error messages.
	Name string
	// Args returns the command line of the next worker.
	Args func() ([]string, error)
	// Env is added to the environment, "NAME=value".
	Env []string
	// Hint returns what the user can do if a worker with this output did not
	// start; it may be empty.
	Hint func(output string) string
	// Close gives back what the workers share. All must have ended.
	Close func()
}

// Command is a program that speaks the protocol. A heapLimit above zero becomes
// its GOMEMLIMIT.
func Command(args []string, heapLimit memtools.Bytes) Program {
	p := Program{
		Name: args[0], Args: func() ([]string, error) { return args, nil }, Close: func() {},
		Hint: func(string) string { return "does the program call worker.Main, or speak docs/worker-protocol.md?" },
	}
	if heapLimit > 0 {
		p.Env = []string{fmt.Sprintf("%s=%d", environ.GoMemLimit, heapLimit)}
	}
	return p
}

// NodeScript is a Node script, started with flags. A heapLimit above zero
// becomes its old-space limit, in whole megabytes. If there is no such script,
// the error wraps fs.ErrNotExist.
func NodeScript(script string, flags []string, heapLimit memtools.Bytes) (Program, error) {
	path, err := checkScript(script)
	if err != nil {
		return Program{}, err
	}
	preload := &preload{}
	return Program{
		Name: script, Hint: nodeHint, Close: preload.remove,
		// Node opens its IPC channel at this descriptor; node.cjs speaks on it.
		Env: []string{environ.NodeChannelFD + "=3", environ.NodeChannelSerialization + "=json"},
		Args: func() ([]string, error) {
			file, err := preload.path()
			if err != nil {
				return nil, err
			}
			args := []string{"node", "--require", file}
			if heapLimit > 0 {
				args = append(args, fmt.Sprintf("--max-old-space-size=%d", max(1, heapLimit/memtools.MB)))
			}
			return append(append(args, flags...), path), nil
		},
	}, nil
}

// checkScript returns the absolute path of script.
func checkScript(script string) (string, error) {
	path, err := filepath.Abs(script)
	if err != nil {
		return "", fmt.Errorf("worker script %s: %w", script, err)
	}
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err) && !filepath.IsAbs(script):
		return "", fmt.Errorf("no such worker script: %s (a relative path starts at the working folder, so it is %s): %w", script, path, fs.ErrNotExist)
	case os.IsNotExist(err):
		return "", fmt.Errorf("no such worker script: %s: %w", script, fs.ErrNotExist)
	case err != nil:
		return "", fmt.Errorf("worker script: %w", err)
	case info.IsDir():
		return "", fmt.Errorf("the worker script is a folder: %s", script)
	}
	return path, nil
}

// nodeHint knows the common mistakes in worker scripts.
func nodeHint(output string) string {
	switch {
	case strings.Contains(output, "Cannot use import statement outside a module"):
		return `name the script .mjs, or put "type": "module" into the package.json beside it`
	case strings.Contains(output, "ERR_UNKNOWN_FILE_EXTENSION") && strings.Contains(output, `ts"`):
		return "Node 22.18 and newer run TypeScript themselves; compile the script for this one"
	case strings.Contains(output, "ERR_MODULE_NOT_FOUND"), strings.Contains(output, "MODULE_NOT_FOUND"):
		return "install what the script imports, or check the path"
	}
	return ""
}
