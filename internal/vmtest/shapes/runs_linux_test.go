package shapes

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// runsEnv is how many builds TestRuns makes. Zero or unset means two.
const runsEnv = "SHAPES_RUNS"

// TestRuns builds six packages again and again inside 1.3 times the peak of the largest:
// by turns without history, and with that of the build before.
func TestRuns(t *testing.T) {
	runs, _ := strconv.Atoi(os.Getenv(runsEnv))
	if runs == 0 {
		runs = 2
	}
	g := group(t, 260*mb)
	scripts := map[string]string{}
	for name, size := range map[string]string{"a": "200", "b": "160", "c": "120", "d": "100", "e": "80", "f": "50"} {
		scripts[name] = "rm -rf dist; grow " + size + " 400"
	}
	root := workspace(t, scripts)
	write(t, root, "heapmage.yaml", "tasks: {build: {outputs: [dist/**]}}\n")
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
