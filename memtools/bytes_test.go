package memtools

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestBytesString(t *testing.T) {
	for b, want := range map[Bytes]string{
		0: "0.00MB", 1024*MB + 512*KB: "1024.50MB", 8 * GB: "8192.00MB", -MB: "-1.00MB", 5 * KB: "0.00MB", 6 * KB: "0.01MB",
	} {
		if got := b.String(); got != want {
			t.Errorf("Bytes(%d).String() = %q, want %q", int64(b), got, want)
		}
	}
}

func TestBytesShort(t *testing.T) {
	for b, want := range map[Bytes]string{
		0: "0B", 17: "17B", KB: "1KB", 512 * MB: "512MB", GB + 512*MB: "1.5GB", 8 * GB: "8GB", 3 * TB: "3TB", -2 * MB: "-2MB",
		MB - 1: "1MB", // not 1024KB
		GB - 1: "1GB",
		1000:   "1000B",
	} {
		if got := b.Short(); got != want {
			t.Errorf("Bytes(%d).Short() = %q, want %q", int64(b), got, want)
		}
	}
}

func TestBytesPercent(t *testing.T) {
	for _, c := range []struct {
		b, limit Bytes
		want     int
	}{
		{512*MB + 348*KB, 8 * GB, 6}, {6400 * MB, 8 * GB, 78}, {0, GB, 0}, {2 * GB, GB, 200}, {GB, 0, 0}, {GB, -1, 0},
	} {
		if got := c.b.Percent(c.limit); got != c.want {
			t.Errorf("%v of %v = %d%%, want %d%%", c.b, c.limit, got, c.want)
		}
	}
}

func TestParseSize(t *testing.T) {
	t.Run("reads what a configuration writes", func(t *testing.T) {
		for text, want := range map[string]Size{
			"8GB": Absolute(8 * GB), "512MB": Absolute(512 * MB), "1.5g": Absolute(GB + 512*MB), "64KiB": Absolute(64 * KB),
			"1048576": Absolute(MB), "17b": Absolute(17), " 2 gb ": Absolute(2 * GB), "1t": Absolute(TB), ".5M": Absolute(512 * KB),
			"80%": Percent(80), "12.5 %": Percent(12.5), "100%": Percent(100),
		} {
			got, err := ParseSize(text)
			if err != nil || got != want {
				t.Errorf("ParseSize(%q) = %v, %v, want %v", text, got, err, want)
			}
		}
	})
	t.Run("refuses what is none, and says what it was given", func(t *testing.T) {
		for _, text := range []string{
			"", "GB", "B", "%", "-1GB", "0", "0GB", "0%", "-5%", "101%", "NaN", "NaN%", "Inf", "1e400GB", "0x10", "1_000", "8GBB", "8KMB",
			"8 G B", "8XB", "9999999TB", "9223372036854775808", "eight", "8,5GB", "1p", "Infinity%", "0.4",
		} {
			if got, err := ParseSize(text); err == nil {
				t.Errorf("ParseSize(%q) = %v, want an error", text, got)
			} else if !strings.Contains(err.Error(), "\""+text+"\"") {
				t.Errorf("ParseSize(%q): %q does not name the text", text, err)
			}
		}
	})
}

func TestSizeOf(t *testing.T) {
	if got := Percent(80).Of(10 * GB); got != 8*GB {
		t.Errorf("80%% of 10 GB = %v", got)
	}
	if got := Absolute(GB).Of(10 * MB); got != GB {
		t.Errorf("1 GB of 10 MB = %v: an absolute size depends on nothing", got)
	}
	if !(Size{}).IsZero() || Percent(1).IsZero() || Absolute(1).IsZero() {
		t.Error("only the zero Size is unset")
	}
}

func TestSizeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Bytes(rapid.Int64Range(1, 1<<52).Draw(t, "b"))

		back, err := ParseBytes(b.Short())
		if err != nil || math.Abs(float64(back-b)) > 0.005*float64(b)+1 {
			t.Fatalf("%d is written %s, which reads as %d (%v)", b, b.Short(), back, err)
		}
		if exact, err := ParseBytes(Bytes.Short(b - b%GB + GB)); err != nil || b < TB && exact != b-b%GB+GB {
			t.Fatalf("whole gigabytes are not kept: %d, %v", exact, err)
		}

		total := Bytes(rapid.Int64Range(1, 1<<52).Draw(t, "total"))
		percent := float64(rapid.IntRange(1, 100).Draw(t, "percent"))
		if part := Percent(percent).Of(total); part < 0 || part > total {
			t.Fatalf("%g%% of %d is %d", percent, total, part)
		}
		if s, err := ParseSize(Percent(percent).String()); err != nil || s != Percent(percent) {
			t.Fatalf("%v reads as %v, %v", Percent(percent), s, err)
		}
	})
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"8GB", "80%", "1.5 g", "64KiB", "1e3", "0x1p4", "+1B", "٣GB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSize(text)
		if err != nil {
			return
		}
		if s.IsZero() || s.Of(GB) < 0 {
			t.Fatalf("ParseSize(%q) = %v without an error", text, s)
		}
	})
}
