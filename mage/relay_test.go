package mage_test

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
)

// relay makes copies of this test start a program as launchers do. One that is called go
// passes every signal on as "go tool" does, so that none has an effect on itself.
func relay() {
	name := filepath.Base(os.Args[0])
	if name != "go" && name != "mage" {
		return
	}
	signals := make(chan os.Signal, 100)
	if name == "go" {
		signal.Notify(signals)
	}
	c := exec.Command(os.Args[1], os.Args[2:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	if c.Start() != nil {
		os.Exit(1)
	}
	go func() {
		for sig := range signals {
			_ = c.Process.Signal(sig)
		}
	}()
	_ = c.Wait()
	os.Exit(c.ProcessState.ExitCode())
}
