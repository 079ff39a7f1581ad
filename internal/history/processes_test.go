package history

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

// addForEver adds samples whose peaks count up, prints each that is acknowledged,
// and rewrites the file now and then.
func addForEver(path, task string) {
	s, err := Open(path, Options{})
	for n := 1; err == nil; n++ {
		if err = s.Add(task, estimate.Sample{Outcome: estimate.Succeeded, Peak: memtools.Bytes(n) * memtools.MB}); err == nil {
			fmt.Println(n)
		}
		if n%7 == 0 && err == nil {
			err = compact(s)
		}
		if most, _ := strconv.Atoi(os.Getenv("ADD_MOST")); n == most && err == nil {
			if err = s.Flush(); err == nil {
				return
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// adder starts a process that adds to a history.
func adder(path, task string, most int) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "ADD_TO="+path, "ADD_AS="+task, "ADD_MOST="+strconv.Itoa(most))
	return c
}

func TestTwoProcessesLoseNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	var all sync.WaitGroup
	for _, task := range []string{"a", "b", "c"} {
		all.Go(func() {
			if out, err := adder(path, task, 60).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
	s := open(t, path)
	for _, task := range []string{"a", "b", "c"} {
		got := s.Samples(task)
		if len(got) != kept || got[kept-1].Peak != 60*memtools.MB {
			t.Errorf("%s: %d samples, the last of %v", task, len(got), got[len(got)-1].Peak)
		}
	}
	if s.Damaged() > 0 {
		t.Errorf("%d lines are damaged", s.Damaged())
	}
}

func TestKilledAtAnyMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("kills 100 processes; left out with -short")
	}
	path := filepath.Join(t.TempDir(), "history.jsonl")
	for i := range 100 {
		c := adder(path, "a", 0)
		var out bytes.Buffer
		c.Stdout = &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(5+i) * time.Millisecond / 2)
		_ = c.Process.Kill()
		_ = c.Wait()
		said := strings.Fields(out.String())
		if len(said) == 0 {
			continue // killed before the first
		}
		acknowledged, err := strconv.Atoi(said[len(said)-1])
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, path)
		samples := s.Samples("a")
		if len(samples) == 0 || samples[len(samples)-1].Peak < memtools.Bytes(acknowledged)*memtools.MB {
			t.Fatalf("kill %d: %d were acknowledged, the last known one is %v", i, acknowledged, samples[len(samples)-1].Peak)
		}
	}
}
