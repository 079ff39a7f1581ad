package shapes

import (
	"path"
	"testing"
	"time"
)

// TestWrongNeeds builds packages that do not fit together although they are said to,
// where a single kill ends the whole container: Kubernetes sets memory.oom.group.
func TestWrongNeeds(t *testing.T) {
	for _, together := range []string{"0", "1"} {
		t.Run("memory.oom.group="+together, func(t *testing.T) {
			g := group(t, 190*mb)
			g.Set("memory.oom.group", together)
			scripts := map[string]string{"a": "grow 80", "b": "grow 80", "c": "grow 80"}
			root := workspace(t, scripts)
			run(t, root, g.Command(heapmage, "build")...).wants(t, 0, `⏸️  Pausing package`, `3 tasks succeeded`)
			whole(t, root, scripts)
			if g.Kills() != 0 {
				t.Errorf("the kernel killed %d processes", g.Kills())
			}
		})
	}
}

// TestGroupKill lets the kernel kill all that is in the cgroup. The next build can
// read what was left.
func TestGroupKill(t *testing.T) {
	g := group(t, 200*mb)
	g.Set("memory.oom.group", "1")
	root := workspace(t, map[string]string{"a": unprotected})
	run(t, root, g.Command(heapmage, "build")...).wants(t, -1)
	if g.Kills() == 0 {
		t.Error("the kernel killed nothing")
	}
	for deadline := time.Now().Add(30 * time.Second); g.Read("cgroup.procs") != ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("left running: %s", g.Read("cgroup.procs"))
		}
	}
	scripts := map[string]string{"a": "rm -rf dist; grow 50 300"}
	rewrite(t, root, scripts)
	run(t, root, g.Command(heapmage, "build")...).wants(t, 0)
	whole(t, root, scripts)
}

// TestOwnCgroup has a script put itself into another cgroup with a smaller limit.
func TestOwnCgroup(t *testing.T) {
	g, small := group(t, 300*mb), group(t, 60*mb)
	root := workspace(t, map[string]string{"a": `sh -c 'echo $$ >` + small.Procs() + `; grow 1 300; rm dist/out.txt; exec grow 150 0'; exit $?`})
	run(t, root, g.Command(heapmage, "build")...).wants(t, 4,
		`failed after .*: killed by the kernel, out of memory`, `Its own limit is 60MB \(cgroup v2 /\S*`+path.Base(small.Dir)+`\)`)
	if small.Kills() == 0 {
		t.Error("the kernel killed nothing")
	}
}
