package pid1

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/proctable"
)

// init makes the test binary a container's process 1 that runs as init. Its child starts
// orphans, waits until they are reaped and then for SIGTERM, and ends with exit code 7.
func init() {
	if os.Getenv("PID1_TEST") != "run" {
		return
	}
	if os.Getpid() == 1 {
		must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		must(unix.Mount("proc", "/proc", "proc", 0, ""))
	}
	Run()
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, unix.SIGTERM)
	must(exec.Command("sh", "-c", "for i in 1 2 3; do (setsid sleep 0.05 &); done").Run())
	for orphans := true; orphans; time.Sleep(time.Millisecond) {
		all, err := processes()
		must(err)
		orphans = false
		for _, p := range all {
			orphans = orphans || p.PPID == 1 && p.PID != os.Getpid()
		}
	}
	fmt.Println("reaped")
	<-terminated
	os.Exit(7)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func processes() ([]proctable.Process, error) {
	table, err := proctable.Open()
	if err != nil {
		return nil, err
	}
	defer table.Close()
	return table.All()
}

func TestRun(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), "PID1_TEST"+"="+"run")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Skipf("namespaces cannot be made (root can): %v", err)
	}
	hung := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() })
	defer hung.Stop()
	if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != "reaped" {
		t.Errorf("the orphans were not reaped: %q", lines.Text())
	}
	_ = c.Process.Signal(unix.SIGTERM) // it may have ended
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit code %d, want that of the child", code)
	}
}
