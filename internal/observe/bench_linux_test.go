//go:build amd64 || arm64

package observe

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkCall is what a call that names a file takes, observed and not: "µs/observed" and
// "µs/plain".
func BenchmarkCall(b *testing.B) {
	const calls = 20_000
	script := `const fs = require("fs"), n = ` + strconv.Itoa(calls) + `, began = process.hrtime.bigint();
for (let i = 0; i < n; i++) fs.existsSync("/etc/none/" + i % 50);
console.log(Number(process.hrtime.bigint() - began) / 1000 / n)`
	path, err := exec.LookPath("node")
	if err != nil {
		b.Skip("there is no node")
	}
	o := &Observer{}
	defer o.Close()
	took := map[string]float64{}
	measure := func(name string, c *exec.Cmd) {
		out, err := c.Output()
		if err != nil {
			b.Fatal(err)
		}
		each, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		if err != nil {
			b.Fatal(err)
		}
		took[name] += each
	}
	runs := 0.0
	for b.Loop() {
		runs++
		w, program, words, err := o.Command(path, []string{"node", "-e", script}, 3)
		if err != nil {
			b.Fatal(err)
		}
		measure("µs/observed", &exec.Cmd{Path: program, Args: words, ExtraFiles: []*os.File{w.File()}})
		w.Started()
		measure("µs/plain", exec.Command(path, "-e", script))
	}
	for name, sum := range took {
		b.ReportMetric(sum/runs, name)
	}
}
