package shapes

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// runsEnv is how many builds TestRuns makes. Zero or unset means none: they take long.
const runsEnv = "SHAPES_RUNS"

// TestRuns builds six packages again and again inside 1.3 times the peak of the largest:
// by turns without history, and with that of the build before.
func TestRuns(t *testing.T) {
	runs, _ := strconv.Atoi(os.Getenv(runsEnv))
	if runs == 0 {
		t.Skip(runsEnv + " is not set")
	}
	g := group(t, 400*mb) // the largest peaks at 308 MB with the program itself
	scripts := map[string]string{}
	for name, size := range map[string]string{"a": "300", "b": "250", "c": "200", "d": "150", "e": "100", "f": "60"} {
		scripts[name] = "rm -rf dist; grow " + size + " 400"
	}
	root := workspace(t, scripts)
	testkit.Write(t, root, "heapmage.yaml", "tasks: {build: {outputs: [dist/**]}}\n")
	green := 0
	for i := range runs {
		if i%2 == 0 {
			if err := os.RemoveAll(filepath.Join(root, ".heapmage")); err != nil {
				t.Fatal(err)
			}
		}
		r := run(t, root, g.Command(heapmage, "build")...)
		r.wants(t, 0)
		whole(t, root, scripts)
		if r.code == 0 {
			green++
		}
	}
	t.Logf("%d of %d builds were green, the kernel killed %d processes", green, runs, g.Kills())
	if g.Kills() != 0 {
		t.Errorf("the kernel killed %d processes", g.Kills())
	}
}
