package mage_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// TestAnotherNode: what another version of Node left is not taken for what this one leaves, and
// is known again with it.
func TestAnotherNode(t *testing.T) {
	w := newCached(t, "mkdir -p dist && node -p process.version >dist/version", nil)
	other := otherNode(t)
	versions := map[string]string{}
	for _, path := range []string{"", other + ":"} {
		c := exec.Command("sh", "-c", "PATH="+path+"$PATH; node -p process.version")
		out, err := c.Output()
		if err != nil {
			testkit.UnlessCI(t, err.Error())
		}
		versions[path] = string(out)
	}
	if versions[""] == versions[other+":"] {
		t.Fatalf("both are %s", versions[""])
	}
	before := os.Getenv("PATH")
	for _, step := range []struct {
		path string
		want []string
	}{
		{"", []string{runs}},
		{other + ":", []string{runs, "🔍 a: Node's version changed"}},
		{other + ":", []string{upToDate}},
		{"", []string{restored}},
		{other + ":", []string{restored}},
	} {
		t.Setenv("PATH", step.path+before)
		w.build(step.want...)
		if got := w.read("dist/version"); got != versions[step.path] {
			t.Errorf("it left %q, want %q", got, versions[step.path])
		}
	}
}
