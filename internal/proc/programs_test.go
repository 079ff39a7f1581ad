//go:build unix

package proc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// Programs that the test binary becomes if modeEnv names them.

func programs() map[string]func() {
	return map[string]func(){
		"block": func() { fmt.Println("ready", os.Getpid()); block() },
		"stubborn": func() {
			signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			fmt.Println("ready", os.Getpid())
			block()
		},
		// A tree whose every member is stubborn.
		"stubborn-tree": func() {
			signal.Ignore(syscall.SIGINT, syscall.SIGTERM)
			for range 2 {
				child := again("stubborn")
				child.Stdout = os.Stdout
				must(child.Start())
			}
			fmt.Println("ready", os.Getpid())
			block()
		},
		// A daemon as watchman makes it: forked twice, in its own session,
		// nothing held open.
		"daemonize": func() {
			middle := again("daemonize-middle")
			middle.Stdout = os.Stdout
			must(middle.Run())
		},
		"daemonize-middle": func() { fmt.Println("daemon", detach("stubborn", nil)) },
		"daemonize-and-block": func() {
			programs()["daemonize"]()
			fmt.Println("ready", os.Getpid())
			block()
		},
		// A job of a shell with job control.
		"job-and-end": func() {
			job := again("stubborn")
			job.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			job.Stdout = os.Stdout
			must(job.Start())
		},
		"job-and-block": func() {
			programs()["job-and-end"]()
			fmt.Println("ready", os.Getpid())
			block()
		},
		// One that keeps the output open.
		"daemonize-holding": func() { detach("stubborn", os.Stdout) },
		"last-words-and-daemon": func() {
			detach("stubborn-silent", os.Stdout)
			_, err := io.WriteString(os.Stdout, "x")
			must(err)
			for pending(os.Stdout) > 0 { // until the reader is busy with it
				time.Sleep(time.Millisecond)
			}
			_, err = io.WriteString(os.Stdout, strings.Repeat("x", lastWords-1))
			must(err)
		},
		"stubborn-silent": func() { signal.Ignore(syscall.SIGINT, syscall.SIGTERM); block() },
		// One that answers each SIGTERM with a new daemon.
		"hydra": func() {
			c := make(chan os.Signal, 8)
			signal.Notify(c, syscall.SIGTERM, syscall.SIGINT)
			fmt.Println("ready", os.Getpid())
			for range c {
				fmt.Println("daemon", detach("stubborn", nil))
			}
		},
		"flood": func() {
			line := []byte(strings.Repeat("flood", 200) + "\n")
			w := bufio.NewWriterSize(os.Stdout, 64<<10)
			for n := 0; n < flood; n += len(line) {
				_, err := w.Write(line[:min(len(line), flood-n)])
				must(err)
			}
			must(w.Flush())
		},
		"heapmage": heapmage,
		"launcher": func() {
			c := again(os.Getenv("PROC_TEST_THEN"))
			c.Stdout = os.Stdout
			must(c.Run())
		},
		"watch-parent": watchParent,
	}
}

const (
	flood     = 100_000_000
	lastWords = 60_000 // fits a pipe
)

// block waits for a signal that ends it, but not for ever, in case a test fails halfway.
func block() { time.Sleep(2 * time.Minute) }

func again(mode string) *exec.Cmd {
	self, err := os.Executable()
	must(err)
	c := exec.Command(self)
	c.Env = append(os.Environ(), modeEnv+"="+mode)
	return c
}

// detach starts mode in its own session and waits until it runs.
func detach(mode string, stdout *os.File) int {
	c := again(mode)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if stdout != nil {
		c.Stdout = stdout
		must(c.Start())
		return c.Process.Pid
	}
	r, w, err := os.Pipe()
	must(err)
	c.Stdout = w
	must(c.Start())
	must(w.Close())
	_, err = bufio.NewReader(r).ReadString('\n')
	must(err)
	return c.Process.Pid
}

func must(err error) {
	if err != nil {
		fmt.Println("test program failed:", err)
		os.Exit(99)
	}
}
