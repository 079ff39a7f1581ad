package oom

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// The samples are from the Node versions of their day. This one dies today.
func TestTheInstalledNodeStillDiesAsTheSamplesSay(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") == "true" && runtime.GOOS == "linux" {
			t.Fatal("node is not installed")
		}
		t.Skip("node is not installed")
	}
	script := filepath.Join(t.TempDir(), "leak.js")
	if err := os.WriteFile(script, []byte("const keep = []; for (let i = 0; ; i++) keep.push({ i, text: 'x' + i });\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var scan Scanner
	cmd := exec.CommandContext(t.Context(), node, "--max-old-space-size=64", script)
	cmd.Env = append(os.Environ(), "NODE_OPTIONS=")
	cmd.Stdout, cmd.Stderr = &scan, &scan
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) {
		t.Fatalf("node ended with %v", err)
	}
	e := Evidence{ExitCode: exit.ExitCode(), HeapLimit: 64 * mb, Budget: gb, Seen: scan.Findings()}
	if e.ExitCode == -1 {
		e.Signal = sigabrt // the only one that V8 ends with for its heap limit
	}
	v := Diagnose(e)
	if v.Cause != V8Heap || v.Used < 32*mb || v.Used > 200*mb || v.Reason() != "JavaScript heap out of memory (V8 heap limit 64.00MB)" {
		t.Fatalf("got %+v", v)
	}
}
