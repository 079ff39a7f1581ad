package meter

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/memtools"
)

// TestMain is also the child that holds memory, if HOLD is set.
func TestMain(m *testing.M) {
	if os.Getenv("HOLD") != "" {
		held := make([]byte, 112*memtools.MB) // the kernel counts some MB of it late
		for i := range held {
			held[i] = 1
		}
		_, _ = os.Stdout.WriteString("held")
		_, _ = os.Stdin.Read(held) // until the test closes it
		return
	}
	goleak.VerifyTestMain(m)
}

func TestMeterSeesAChild(t *testing.T) {
	levels := make(chan Reading, 8)
	m, err := New(Options{Budget: 100 * memtools.MB, OnLevel: func(r Reading) { levels <- r }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); m.Run(ctx) }()
	defer func() {
		cancel()
		<-ended
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "HOLD=1", memtools.Marker("run/hold"))
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	m.Begin("run/hold", c.Process.Pid, nil)
	if _, err := out.Read(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if now := m.Now(); now.Usage < 96*memtools.MB || now.Level != memtools.Critical {
		t.Errorf("with the child: %v, %v", now.Usage, now.Level)
	}
	select {
	case r := <-levels:
		if r.Level == memtools.Normal {
			t.Errorf("the first level is %v", r.Level)
		}
	case <-time.After(20 * time.Second):
		t.Error("no level was reported")
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if peak, _ := m.End("run/hold", 0); peak < 96*memtools.MB || peak > 600*memtools.MB {
		t.Errorf("the child's peak is %v", peak)
	}
	if now := m.Now(); now.Usage > 96*memtools.MB {
		t.Errorf("after the child: %v", now.Usage)
	}
	t.Run("adds what the kernel saw and the samples missed", func(t *testing.T) {
		m.Begin("run/short", 0, nil)
		if peak, _ := m.End("run/short", 50*memtools.MB); peak != 50*memtools.MB {
			t.Errorf("got %v", peak)
		}
	})
}

// No end loses its peak to a sample that another goroutine takes at that moment.
func TestPeaksOfManyEnds(t *testing.T) {
	m, err := New(Options{Budget: memtools.GB})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	c := exec.Command("sleep", "60")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = m.sample()
				}
			}
		})
	}
	for i := range 400 {
		id := fmt.Sprintf("run/%d", i)
		m.Begin(id, c.Process.Pid, nil)
		for m.Last().Trees[id] == 0 {
			_, _ = m.sample()
		}
		if peak, _ := m.End(id, 0); peak == 0 {
			t.Errorf("end %d has no peak", i)
			break
		}
	}
	close(stop)
	all.Wait()
	if now, err := m.sample(); err != nil || len(now.Trees) > 0 {
		t.Errorf("left: %v, %v", now.Trees, err)
	}
}

func TestPause(t *testing.T) {
	const mb = memtools.MB
	for _, tt := range []struct {
		claim     string
		usage     memtools.Bytes // 100 MB before
		after     time.Duration
		available memtools.Bytes
		level     memtools.Pressure
		want      time.Duration
	}{
		{"calm while little changes", 101 * mb, calm, 500 * mb, memtools.Normal, calm},
		{"calm while memory is given back", 10 * mb, calm, 500 * mb, memtools.Normal, calm},
		{"tense above the warning", 100 * mb, calm, 500 * mb, memtools.Warning, tense},
		{"tense if memory would last for less than a second", 230 * mb, calm, 500 * mb, memtools.Normal, tense},
		{"calm if it lasts longer", 220 * mb, calm, 500 * mb, memtools.Normal, calm},
		{"growth counts by its time", 150 * mb, tense, 500 * mb, memtools.Normal, tense},
		{"two samples at one moment", 100 * mb, 0, 500 * mb, memtools.Normal, calm},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			last := Reading{Time: time.Unix(0, 0), Usage: 100 * mb}
			now := Reading{Time: last.Time.Add(tt.after), Usage: tt.usage, Available: tt.available, Level: tt.level}
			if got := pause(last, now); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
