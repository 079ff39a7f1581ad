//go:build amd64 || arm64

package observe

import (
	"os/exec"
	"testing"
	"time"
)

// BenchmarkCall is what a file call costs more when it is observed.
func BenchmarkCall(b *testing.B) {
	const script = `const fs=require("fs"); const t=process.hrtime.bigint(); for (let i=0;i<20000;i++) fs.existsSync("/etc/none/"+i%50); console.log(Number(process.hrtime.bigint()-t)/20000/1000)`
	o := &Observer{}
	defer o.Close()
	path, err := exec.LookPath("node")
	if err != nil {
		b.Skip("no node")
	}
	for b.Loop() {
		w, program, words, err := o.Command(path, []string{"node", "-e", script}, 3)
		if err != nil {
			b.Fatal(err)
		}
		c := &exec.Cmd{Path: program, Args: words}
		c.ExtraFiles = append(c.ExtraFiles, w.File())
		began := time.Now()
		out, _ := c.CombinedOutput()
		w.Started()
		plain, _ := exec.Command("node", "-e", script).CombinedOutput()
		b.Logf("%v observed %s plain %s", time.Since(began), out, plain)
	}
}
