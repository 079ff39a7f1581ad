package memtools

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestRealShares: forked processes and shared mappings count each page once, as the
// kernel does.
func TestRealShares(t *testing.T) {
	if testing.Short() {
		t.Skip("holds 200 MB; left out with -short")
	}
	perl, err := exec.LookPath("perl")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no perl, whose forks do not call exec")
	}
	const fill = `$| = 1; my $x = "x"; $x x= 100 << 20; `
	const wait = ` print "ready\n"; sleep 60;`
	for _, tt := range []struct {
		claim, program string
		want           Bytes
	}{
		{"forks that only read", fill + `for (1 .. 20) { fork or do { sleep 60; exit } }` + wait, 100 * MB},
		{"forks of forks", fill + `for (1 .. 4) { fork or do { for (1 .. 4) { fork or do { sleep 60; exit } } sleep 60; exit } } sleep 1;` + wait, 100 * MB},
		{"a fork that writes", fill + `fork or do { for (my $i = 0; $i < length $x; $i += 4096) { substr($x, $i, 1) = "y" } print "ready\n"; sleep 60; exit }; sleep 60;`, 200 * MB},
		{"a parent that ends before its forks", fill + `if (fork) { for (1 .. 5) { fork or do { sleep 60; exit } } print "ready\n"; exit } else { sleep 60 }`, 100 * MB},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			tracker := tracking(t)
			id := fmt.Sprintf("%s-%d", t.Name(), os.Getpid())
			c := exec.Command(perl, "-e", tt.program)
			c.Env = append(os.Environ(), Marker(id))
			out, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			tracker.Track(id, c.Process.Pid)
			t.Cleanup(func() {
				for _, p := range sample(t, tracker).Trees[id].Processes {
					if q, err := os.FindProcess(p.PID); err == nil {
						_ = q.Kill()
					}
				}
				_ = c.Wait() // it was killed
			})
			if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
				t.Fatalf("%q, %v", line, err)
			}
			var got Bytes
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				tracker.mu.Lock()
				for _, tr := range tracker.trees {
					tr.readAt = time.Time{} // so that the test need not wait for the next reading
				}
				tracker.mu.Unlock()
				if got = sample(t, tracker).Trees[id].Usage; got > tt.want-10*MB && got < tt.want+30*MB {
					return
				}
			}
			t.Errorf("%v, want about %v", got, tt.want)
		})
	}
}
