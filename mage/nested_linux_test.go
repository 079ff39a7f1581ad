package mage_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// TestNested: a build that starts builds ends, whatever its folder is called and however
// it starts them.
func TestNested(t *testing.T) {
	testkit.NeedsNode(t)
	const again = "would run the same script again"
	for _, tt := range []struct{ claim, dir, script, want string }{
		{"in a folder with a line end and a tab in its name", "a\nb\tc d;e", `"$HM" build`, again},
		{"in a folder whose name is not UTF-8", "b\xff", `"$HM" build`, again},
		{"through a program that drops unknown variables", "plain", `env -i PATH="$PATH" HM="$HM" "$HM" build`, again},
		{"through another workspace", "plain", `cd ../other && exec "$HM" build`, again},
		{"in a new folder each time", "plain", `mkdir -p next && cp package.json next && cd next && "$HM" build`, "inside 8 runs of heapmage"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			top := t.TempDir()
			root := filepath.Join(top, tt.dir)
			write := func(dir, script string) {
				// Every package.json has an empty list of members: it is a root.
				text, err := json.Marshal(map[string]any{"name": "b\nx", "workspaces": []string{}, "scripts": map[string]string{"build": script}})
				if err != nil {
					t.Fatal(err)
				}
				testkit.Write(t, dir, "package.json", string(text))
			}
			write(root, tt.script)
			write(filepath.Join(top, "other"), `cd ../plain && exec "$HM" build`)
			c := exec.Command(binary, "build")
			c.Dir, c.Env = root, append(os.Environ(), "HM="+binary)
			out, err := c.CombinedOutput()
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("%v", err)
			}
			if !strings.Contains(string(out), tt.want) {
				t.Errorf("no %q in\n%s", tt.want, out)
			}
		})
	}
}
