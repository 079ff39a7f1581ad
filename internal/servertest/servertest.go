// Package servertest starts the servers that a shared cache can be on, for tests: real ones, each on a
// port of this machine, with folders of their own. The first start installs them, in the user's cache
// folder; what cannot be installed is a reason to skip a test, except under CI.
package servertest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/testkit"
)

// Server is a server that runs until the test ends.
type Server struct {
	// Address is what cache.remote is to be.
	Address string
	// Env are the variables of those who may read and write; the last one is secret.
	Env []string
	// URL is where the server answers, without a path.
	URL string

	t       testing.TB
	dir     string // of what it keeps
	command func(port string) *exec.Cmd
	port    string
	process *exec.Cmd
	died    chan struct{} // closed when the process has ended
	out     *output
}

// output is what a server prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start starts a server on a free port, which keeps what it stores in a folder. command makes its process.
func start(t testing.TB, dir string, command func(port string) *exec.Cmd) *Server {
	t.Helper()
	s := &Server{t: t, dir: dir, command: command}
	for range 3 { // another process may take the port meanwhile
		s.port = freePort(t)
		s.URL = "http://127.0.0.1:" + s.port
		if s.up() {
			t.Cleanup(s.Kill)
			return s
		}
	}
	t.Fatalf("the server does not start:\n%s", s.out)
	return nil
}

// up starts the process, and waits until it answers. It reports whether it does.
func (s *Server) up() bool {
	s.out, s.died = &output{}, make(chan struct{})
	s.process = s.command(s.port)
	s.process.Stdout, s.process.Stderr = s.out, s.out
	s.process.WaitDelay = 5 * time.Second
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = s.process.Wait() // it is killed
		close(s.died)
	}()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			_ = conn.Close() // it was a question
			return true
		}
		select {
		case <-s.died:
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
	s.Kill()
	return false
}

// Kill ends the server, as kill -9 does. What it has stored stays.
func (s *Server) Kill() {
	_ = s.process.Process.Kill() // it may have ended
	<-s.died
}

// Restart starts the server again after Kill, on the same port and with what it has stored.
func (s *Server) Restart() {
	s.t.Helper()
	if !s.up() {
		s.t.Fatalf("the server does not start again:\n%s", s.out)
	}
}

// WrongEnv are the variables with a credential that is wrong.
func (s *Server) WrongEnv() []string {
	wrong := slices.Clone(s.Env)
	wrong[len(wrong)-1] += "-wrong"
	return wrong
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// unlessShort skips a test with -short: to install the servers takes minutes.
func unlessShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("with -short no server is installed")
	}
}

// Turborepo starts turborepo-remote-cache.
func Turborepo(t testing.TB) *Server {
	t.Helper()
	unlessShort(t)
	_, here, _, _ := runtime.Caller(0)
	manifest := testkit.Script(t, filepath.Join(filepath.Dir(here), "turborepo"), "package.json")
	program := filepath.Join(filepath.Dir(manifest), "node_modules", "turborepo-remote-cache", "dist", "cli.js")
	const token = "turbo-secret"
	dir := t.TempDir()
	s := start(t, dir, func(port string) *exec.Cmd {
		c := exec.Command("node", program)
		c.Dir = dir
		c.Env = append(os.Environ(), "NODE_ENV=production", "LOG_LEVEL=error", "PORT="+port, "TURBO_TOKEN="+token, "STORAGE_PROVIDER=local", "STORAGE_PATH="+dir, "STORAGE_PATH_USE_TMP_FOLDER=false")
		return c
	})
	s.Address, s.Env = "turbo+"+s.URL+"?team=acme", []string{environ.CacheToken + "=" + token}
	return s
}

// Bazel starts bazel-remote. It has one user.
func Bazel(t testing.TB) *Server {
	t.Helper()
	unlessShort(t)
	program := goProgram(t, "github.com/buchgr/bazel-remote", "v1.3.4", "")
	dir := t.TempDir()
	users := filepath.Join(dir, "htpasswd")
	testkit.Write(t, dir, "htpasswd", "acme:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n") // as htpasswd -nbs acme secret prints it
	s := start(t, dir, func(port string) *exec.Cmd {
		return exec.Command(program, "--dir", filepath.Join(dir, "store"), "--max_size", "1", "--host", "127.0.0.1", "--port", port, "--grpc_port", "0", "--htpasswd_file", users)
	})
	s.Address, s.Env = "bazel+"+s.URL, []string{environ.CacheToken + "=acme:secret"}
	return s
}

// S3 starts versitygw, which checks signatures, with a bucket.
func S3(t testing.TB) *Server {
	t.Helper()
	unlessShort(t)
	program := goProgram(t, "github.com/versity/versitygw", "v1.8.0", "cmd/versitygw")
	dir := t.TempDir()
	for _, name := range []string{"buckets/acme-cache", "sidecar"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, dir, func(port string) *exec.Cmd {
		c := exec.Command(program, "--port", "127.0.0.1:"+port, "posix", "--sidecar", filepath.Join(dir, "sidecar"), filepath.Join(dir, "buckets"))
		c.Env = append(os.Environ(), "ROOT_ACCESS_KEY=AKACME", "ROOT_SECRET_KEY=s3-secret")
		return c
	})
	s.Address = "s3://acme-cache/team?endpoint=" + s.URL
	s.Env = []string{"AWS_ACCESS_KEY_ID=AKACME", "AWS_SECRET_ACCESS_KEY=s3-secret"}
	return s
}

// goProgram returns the path of a program that is compiled from a module once.
func goProgram(t testing.TB, module, version, folder string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(cache, "heapmage-test")
	program := filepath.Join(base, filepath.Base(module)+"-"+version)
	if _, err := os.Stat(program); err == nil {
		return program
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		t.Fatal(err)
	}
	// Under another name until it is whole: two tests may do this at once.
	scratch, err := os.MkdirTemp(base, "partial-") //nolint:usetesting // what is made there is moved, so on the same file system
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(scratch)
	for _, args := range [][]string{
		{"mod", "init", "scratch"},
		{"mod", "edit", "-require=" + module + "@" + version},
		{"build", "-mod=mod", "-o", "program", strings.TrimSuffix(module+"/"+folder, "/")},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
		defer cancel()
		c := exec.CommandContext(ctx, "go", args...)
		c.Dir = scratch
		c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		if out, err := c.CombinedOutput(); err != nil {
			testkit.UnlessCI(t, fmt.Sprintf("%s cannot be compiled: %v\n%s", module, err, out))
		}
	}
	if err := os.Rename(filepath.Join(scratch, "program"), program); err != nil {
		t.Fatal(err)
	}
	return program
}
