package memtools

import "testing"

func TestLevel(t *testing.T) {
	for _, c := range []struct {
		name        string
		thresholds  Thresholds
		used, limit Bytes
		want        Pressure
	}{
		{"nothing used is normal", Thresholds{}, 0, 100, Normal},
		{"just below 75 % is normal", Thresholds{}, 7499, 10000, Normal},
		{"75 % is warning", Thresholds{}, 75, 100, Warning},
		{"just below 90 % is warning", Thresholds{}, 8999, 10000, Warning},
		{"90 % is critical", Thresholds{}, 90, 100, Critical},
		{"beyond the limit is critical", Thresholds{}, 300, 100, Critical},
		{"without a limit it is normal", Thresholds{}, 300, 0, Normal},
		{"a negative limit is none", Thresholds{}, 300, -1, Normal},
		{"own thresholds count", Thresholds{Warning: 0.5, Critical: 0.6}, 55, 100, Warning},
		{"a field that is zero has its default", Thresholds{Warning: 0.5}, 89, 100, Warning},
		{"a field that is zero has its default", Thresholds{Critical: 0.95}, 76, 100, Warning},
		{"critical below warning wins", Thresholds{Warning: 0.9, Critical: 0.5}, 60, 100, Critical},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.thresholds.Level(c.used, c.limit); got != c.want {
				t.Errorf("%v of %v with %v is %v, want %v", c.used, c.limit, c.thresholds, got, c.want)
			}
		})
	}
}

func TestPressureString(t *testing.T) {
	for p, want := range map[Pressure]string{Normal: "normal", Warning: "warning", Critical: "critical", 9: "Pressure(9)"} {
		if p.String() != want {
			t.Errorf("%d prints as %q, want %q", int(p), p, want)
		}
	}
}
