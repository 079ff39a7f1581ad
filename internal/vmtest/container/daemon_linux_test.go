package container

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/debian"
	"github.com/heapmage/heapmage/internal/testkit"
)

// daemon is a Docker daemon that knows only the images of this test.
type daemon struct {
	env []string // of docker's commands
}

var started struct {
	daemon *daemon
	stop   func()
	err    error
	tried  bool
}

// docker returns the daemon of these tests, which runs until their end.
func docker(t *testing.T) *daemon {
	t.Helper()
	if os.Getenv("RIG") == "" {
		t.Skip("starts a Docker daemon; RIG=1 runs it")
	}
	if os.Getuid() != 0 {
		testkit.UnlessCI(t, "a Docker daemon needs root")
	}
	if !started.tried {
		started.tried = true
		started.daemon, started.stop, started.err = start(t)
	}
	if started.err != nil {
		testkit.UnlessCI(t, fmt.Sprintf("no Docker daemon can be started: %v", started.err))
	}
	return started.daemon
}

func TestMain(m *testing.M) {
	code := m.Run()
	if started.stop != nil {
		started.stop()
	}
	os.Exit(code)
}

// start starts the installed daemon, or else Debian's. It touches neither the network nor
// another daemon's images.
func start(t *testing.T) (*daemon, func(), error) {
	d := &daemon{env: os.Environ()}
	if _, err := exec.LookPath("dockerd"); err != nil {
		dir, err := debian.Unpack(t.Context(), debian.Packages{Whole: []string{"docker.io"}})
		if err != nil {
			return nil, nil, err
		}
		d.env = append(d.env, "PATH="+dir+"/usr/sbin:"+dir+"/usr/bin:"+dir+"/sbin:"+os.Getenv("PATH"), debian.Libraries(dir))
	}
	dir, err := os.MkdirTemp("", "hmd") //nolint:usetesting // it outlives this test, and a socket's path must be short
	if err != nil {
		return nil, nil, err
	}
	d.env = append(d.env, "DOCKER_HOST=unix://"+dir+"/socket", "DOCKER_BUILDKIT=0")
	c := d.command("dockerd", "--data-root", dir+"/data", "--exec-root", dir+"/run", "--pidfile", dir+"/pid",
		"-H", "unix://"+dir+"/socket", "--iptables=false", "--ip6tables=false", "--bridge=none",
		"--containerd-namespace", "heapmage-test", "--containerd-plugins-namespace", "heapmage-test-plugins")
	var log bytes.Buffer
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	stop := func() {
		_ = c.Process.Signal(syscall.SIGTERM) // it may have ended
		<-ended
		_ = os.RemoveAll(dir) // another test's cache
	}
	for range 600 {
		if d.command("docker", "version").Run() == nil {
			return d, stop, nil
		}
		select {
		case <-ended:
			return nil, nil, errors.Join(fmt.Errorf("dockerd ended:\n%s", log.Bytes()), os.RemoveAll(dir))
		case <-time.After(50 * time.Millisecond):
		}
	}
	stop()
	return nil, nil, fmt.Errorf("dockerd does not answer:\n%s", log.Bytes())
}

// command returns a command whose program is looked for on the daemon's PATH.
func (d *daemon) command(name string, args ...string) *exec.Cmd {
	for _, variable := range d.env {
		if path, ok := strings.CutPrefix(variable, "PATH="); ok {
			for _, dir := range filepath.SplitList(path) {
				if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode()&0o111 != 0 {
					name = filepath.Join(dir, name)
					break
				}
			}
		}
	}
	c := exec.Command(name, args...)
	c.Env = d.env
	return c
}

// docker runs a command of docker, and returns its exit code and what it printed.
func (d *daemon) docker(t *testing.T, stdin io.Reader, args ...string) (code int, out string) {
	t.Helper()
	c := d.command("docker", args...)
	c.Stdin = stdin
	text, err := c.CombinedOutput()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	t.Logf("docker %s: exit code %d\n%s", strings.Join(args, " "), c.ProcessState.ExitCode(), text)
	return c.ProcessState.ExitCode(), string(text)
}
