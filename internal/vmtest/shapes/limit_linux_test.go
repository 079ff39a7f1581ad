package shapes

import (
	"path"
	"testing"
)

// TestLimit sets limits at every level above the build.
func TestLimit(t *testing.T) {
	for _, tt := range []struct {
		claim             string
		top, middle, leaf int64
		want              string
	}{
		{"in its own cgroup", 0, 0, 200 * mb, "/middle/leaf"},
		{"one level up", 0, 200 * mb, 0, "/middle"},
		{"two levels up", 200 * mb, 0, 0, ""},
		{"the smallest of three", 400 * mb, 200 * mb, 300 * mb, "/middle"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			top := group(t, tt.top)
			middle := top.Below("middle", tt.middle)
			leaf := middle.Below("leaf", tt.leaf)
			root := workspace(t, map[string]string{"a": unprotected})
			name := `cgroup v2 /\S*` + path.Base(top.Dir) + tt.want
			run(t, root, leaf.Command(heapmage, "memory:stats")...).wants(t, 0,
				`limit that counts +200\.00MB +`+name+"\n", `Budget of build +136\.00MB +200MB less a reserve of 64MB, `+name+"\n")
			if tt.leaf > 0 && tt.middle == 0 {
				return // TestContainer has kills in the process's own cgroup
			}
			run(t, root, leaf.Command(heapmage, "build")...).wants(t, 4,
				`❌ Building package: a failed after .*: killed by the kernel, out of memory`, `💡 .*raise the container's limit from 200MB to at least `, `Error: build failed, out of memory: a`)
			if leaf.Kills() == 0 {
				t.Error("the kernel killed nothing")
			}
		})
	}
}

// TestSoftLimit sets memory.high, beyond which the kernel slows everything down.
func TestSoftLimit(t *testing.T) {
	g := group(t, 0)
	g.Set("memory.high", "200M")
	scripts := map[string]string{"a": "grow 60 500", "b": "grow 60 500", "c": "grow 60 500"}
	root := workspace(t, scripts)
	run(t, root, g.Command(heapmage, "build")...).wants(t, 0, `/ 136\.00MB`)
	whole(t, root, scripts)
}
