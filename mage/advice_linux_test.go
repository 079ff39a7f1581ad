package mage_test

import (
	"regexp"
	"testing"

	"github.com/heapmage/heapmage/internal/cgrouptest"
	"github.com/heapmage/heapmage/internal/testkit"
)

// TestAdvice: what is said of a death names what can be changed.
func TestAdvice(t *testing.T) {
	testkit.NeedsNode(t)
	for _, tt := range []struct {
		claim, script, budget string
		want                  []string
	}{
		{"a pool is told to use fewer workers, not to get more memory", `
const { fork } = require("child_process");
const kept = [], workers = [];
let waiting = 7;
if (process.argv[2]) {
  process.on("message", () => { // it grows outside of V8's heap, where no heap limit stops it
    kept.push(Buffer.alloc(4 << 20, 1));
    process.send("grown");
  });
  process.send("ready");
} else {
  for (let i = 0; i < 7; i++) workers.push(fork(__filename, ["worker"]).on("message", () => {
    if (--waiting > 0) return; // all are of one size before any grows
    waiting = 7;
    setTimeout(() => { for (const w of workers) w.send("grow"); }, 20);
  }));
}
`, "900MB", []string{`❌ Building package: lone failed`, `💡 It ran 7 processes of similar size, \d+\.\d\dMB together: let it start fewer workers`}},
		{"a SIGTERM when memory is nearly full may be earlyoom's", `
const { spawn } = require("child_process");
const kept = [];
const fill = setInterval(() => {
  if (process.memoryUsage().rss < 605 << 20) return kept.push(Buffer.alloc(8 << 20, 1));
  clearInterval(fill);
  spawn("sh", ["-c", "sleep 1; kill -TERM " + process.pid]);
  setInterval(() => kept.length, 1000);
}, 5);
`, "600MB", []string{
			`❌ Building package: lone failed after .*: ended, probably by a program that watches memory, such as earlyoom \(used 5\d\d\.\d\dMB of 600\.00MB\)`,
			`💡 If the sender was earlyoom or another guard, its log tells`}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			t.Setenv("HEAPMAGE_BUDGET", tt.budget) // an outer run may have set it
			g := cgrouptest.New(t, 900<<20)
			root := workspaceOf(t, "node it.js", map[string]string{"it.js": tt.script, "heapmage.yaml": "retries: 0\n"})
			c := inCgroup(g, root, binary, "build:managed")
			out, err := c.CombinedOutput()
			if code := c.ProcessState.ExitCode(); code != 4 {
				t.Fatalf("exit code %d (%v), want 4\n%s", code, err, out)
			}
			for _, want := range tt.want {
				if !regexp.MustCompile(want).Match(out) {
					t.Errorf("no line like %q in\n%s", want, out)
				}
			}
		})
	}
}
