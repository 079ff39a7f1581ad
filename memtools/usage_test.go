package memtools

import (
	"math"
	"regexp"
	"runtime/debug"
	"testing"

	"github.com/heapmage/heapmage/internal/clock"
)

func TestMessages(t *testing.T) {
	for _, c := range []struct {
		used, limit     Bytes
		message, format string
	}{
		{512*MB + 348*KB, 8 * GB, "", "512.34MB / 8192.00MB (6%)"},
		{6400 * MB, 8 * GB, "High memory usage: 78% (6400.00MB / 8192.00MB)", "6400.00MB / 8192.00MB (78%)"},
		{7536*MB + 653*KB, 8 * GB, "Critical memory usage: 92% (7536.64MB / 8192.00MB)", "7536.64MB / 8192.00MB (92%)"},
		{6400 * MB, 0, "", "6400.00MB"},
	} {
		s := DefaultThresholds.Measure(c.used, c.limit)
		if s.Message() != c.message || s.String() != c.format {
			t.Errorf("%d of %d: %q, %q, want %q, %q", c.used, c.limit, s.Message(), s.String(), c.message, c.format)
		}
		if s.Critical && !s.Warning {
			t.Errorf("%d of %d is critical but no warning", c.used, c.limit)
		}
	}
}

// setLimit sets this process's heap limit for the rest of the test.
func setLimit(t *testing.T, limit Bytes) {
	old := debug.SetMemoryLimit(int64(limit))
	t.Cleanup(func() { debug.SetMemoryLimit(old) })
}

func TestStats(t *testing.T) {
	t.Run("measures against the heap limit if one is set", func(t *testing.T) {
		setLimit(t, 100*GB)
		s := Stats()
		if s.Limit != 100*GB || s.Used < MB || s.Used > 10*GB || s.Percent != s.Used.Percent(s.Limit) || s.Warning || s.Critical {
			t.Errorf("%+v", s)
		}
		if GetStats().Limit != s.Limit {
			t.Errorf("GetStats() = %+v", GetStats())
		}
		if CheckUsage() != "" {
			t.Errorf("CheckUsage() = %q, want nothing", CheckUsage())
		}
	})
	t.Run("measures against the memory there is if no limit is set", func(t *testing.T) {
		setLimit(t, math.MaxInt64)
		s := Stats()
		l, err := ReadLimits()
		if err != nil {
			t.Fatal(err)
		}
		// Others use memory meanwhile, so the two readings differ a little.
		if s.Limit <= s.Used || s.Limit > l.Effective+s.Used {
			t.Errorf("limit %v, used %v, effective limit %v", s.Limit, s.Used, l.Effective)
		}
	})
	t.Run("counts what the heap holds", func(t *testing.T) {
		setLimit(t, 100*GB)
		before := Stats().Used
		held := touched(64 * MB)
		if grown := Stats().Used - before; grown < 48*MB {
			t.Errorf("64 MB more were measured as %v", grown)
		}
		held[0] = 1
	})
	t.Run("warns near the limit", func(t *testing.T) {
		setLimit(t, max(goMemory()-MB, MB))
		if m := CheckUsage(); !regexp.MustCompile(`^Critical memory usage: \d+% \(\d+\.\d\dMB / \d+\.\d\dMB\)$`).MatchString(m) {
			t.Errorf("CheckUsage() = %q", m)
		}
		if f := FormatUsage(); !regexp.MustCompile(`^\d+\.\d\dMB / \d+\.\d\dMB \(\d+%\)$`).MatchString(f) {
			t.Errorf("FormatUsage() = %q", f)
		}
	})
}

// touched returns memory with every page written to.
func touched(size Bytes) []byte {
	b := make([]byte, size)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	return b
}

func TestTriggerGC(t *testing.T) {
	held := touched(64 * MB)
	held[0]++
	before := Stats().Used
	held = nil
	freed := TriggerGC()
	if freed < 48*MB || freed > before {
		t.Errorf("64 MB of garbage: freed %v of %v", freed, before)
	}
	if held != nil {
		t.Fatal("held is garbage")
	}
}

func TestAutoGC(t *testing.T) {
	t.Cleanup(func() { autoGC = clock.Cooldown{} })
	autoGC = clock.Cooldown{}
	setLimit(t, 100*GB)
	if _, triggered := AutoGC(); triggered {
		t.Error("collects although nothing is critical")
	}
	setLimit(t, MB)
	if _, triggered := AutoGC(); !triggered {
		t.Error("does not collect although usage is critical")
	}
	if _, triggered := AutoGC(); triggered {
		t.Error("collects again within 30 s")
	}
}
