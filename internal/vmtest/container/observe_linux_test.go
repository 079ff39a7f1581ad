package container

import (
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// TestObserve runs the tests of package observe under Docker's own seccomp profile, with
// and without root's rights.
func TestObserve(t *testing.T) {
	d := docker(t)
	t.Setenv("CGO_ENABLED", "0")
	dir := t.TempDir()
	testkit.Go(t, "test", "-c", "-o", filepath.Join(dir, "observe.test"), "github.com/heapmage/heapmage/internal/observe")
	i := newImage(t)
	i.busybox()
	i.copy("bin/observe.test", filepath.Join(dir, "observe.test"))
	const name = "heapmage-test:observe"
	i.load(d, name, "ENV PATH=/bin")
	for _, user := range []string{"0", "1000"} {
		code, out := d.docker(t, nil, "run", "--rm", "--network=none", "--user="+user, "-w", "/tmp", name, "observe.test", "-test.v", "-test.timeout=2m")
		if code != 0 {
			t.Errorf("user %s: %s", user, out)
		}
	}
}
