package mage_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNested: a build that starts builds ends, whatever its folder is called and however
// it starts them.
func TestNested(t *testing.T) {
	needsNode(t)
	const again = "would run the same script again"
	for _, tt := range []struct{ claim, dir, script, want string }{
		{"in a folder with a line end and a tab in its name", "a\nb\tc d;e", `"$HM" build`, again},
		{"in a folder whose name is not UTF-8", "b\xff", `"$HM" build`, again},
		{"through a program that drops unknown variables", "plain", `env -i PATH="$PATH" HM="$HM" "$HM" build`, again},
		{"through another workspace", "plain", `cd ../other && exec "$HM" build`, again},
		{"in a new folder each time", "plain", `mkdir -p next && cp package.json next && cd next && "$HM" build`, "inside of 8 runs of heapmage"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			top := t.TempDir()
			root := filepath.Join(top, tt.dir)
			write := func(dir, script string) {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				// Every package.json has an empty list of members: it is a root.
				text := `{"name": "b\nx", "workspaces": [], "scripts": {"build": ` + quoted(script) + `}}`
				if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write(root, tt.script)
			write(filepath.Join(top, "other"), `cd ../plain && exec "$HM" build`)
			c := exec.Command(binary, "build")
			c.Dir, c.Env = root, append(os.Environ(), "HM="+binary)
			out, err := c.CombinedOutput()
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("%v", err)
			}
			if n := strings.Count(string(out), tt.want); n == 0 {
				t.Errorf("no %q in\n%s", tt.want, out)
			}
		})
	}
}

// quoted is a JSON string.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
