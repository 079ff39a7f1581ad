package shapes

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	// The targets are compiled from these. Imported here, they make the test cache
	// notice their changes.
	_ "github.com/heapmage/heapmage/mage"
	_ "github.com/heapmage/heapmage/mage/build"

	"github.com/heapmage/heapmage/internal/testkit"
)

const (
	// heapmageEnv names the compiled targets. Without it they are compiled.
	heapmageEnv = "SHAPES_HEAPMAGE"
	// slownessEnv tells the programs by how much this machine is slower than a usual one.
	slownessEnv = "SHAPES_SLOWNESS"
)

var (
	heapmage string // the compiled targets
	programs string // the folder with the programs that scripts may call
)

// calledAs are what the test binary does in place of tests under another name.
var calledAs = map[string]func(args []string) error{
	"grow":    grow,
	"enter":   enter,
	"nothing": func([]string) error { return nil },
	"node":    node,
}

// node answers what heapmage asks Node at its start: where it is, its version, and its heap
// limit. Scripts do not call it.
func node([]string) error {
	_, err := fmt.Printf("\nheapmage:[%q,\"22.0.0\",2197815296]\n", os.Args[0])
	return err
}

func TestMain(m *testing.M) {
	if call := calledAs[filepath.Base(os.Args[0])]; call != nil {
		if err := call(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code, err := prepared(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func prepared(run func() int) (int, error) {
	dir, err := os.MkdirTemp("", "shapes-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // for a test as another user
		return 0, err
	}
	programs = dir
	own, err := os.Executable()
	if err != nil {
		return 0, err
	}
	for name := range calledAs {
		if err := os.Symlink(own, filepath.Join(dir, name)); err != nil {
			return 0, err
		}
	}
	slowness, err := measureSlowness()
	if err != nil {
		return 0, err
	}
	if heapmage = os.Getenv(heapmageEnv); heapmage == "" {
		heapmage = filepath.Join(dir, "heapmage")
		if err := testkit.Targets("../../..", heapmage); err != nil {
			return 0, err
		}
	}
	err = errors.Join(os.Setenv(slownessEnv, fmt.Sprint(slowness)), os.Setenv("PATH", dir+":"+os.Getenv("PATH")))
	if err != nil {
		return 0, err
	}
	return run(), nil
}

// measureSlowness starts a program a few times. A usual machine takes 10 ms for it. More
// than five times as much is another program's load, which passes.
func measureSlowness() (float64, error) {
	best := time.Hour
	for range 5 {
		began := time.Now()
		if err := exec.Command(filepath.Join(programs, "nothing")).Run(); err != nil {
			return 0, err
		}
		best = min(best, time.Since(began))
	}
	return min(max(best.Seconds()/0.010, 1), 5), nil
}

// scaled is a time on this machine that is d on a usual one.
func scaled(d time.Duration) time.Duration {
	factor, err := strconv.ParseFloat(os.Getenv(slownessEnv), 64)
	if err != nil {
		factor = 1
	}
	return time.Duration(float64(d) * factor)
}
