package budget

import (
	"errors"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// machineOf are the limits of a machine without cgroups.
func machineOf(total, available memtools.Bytes) memtools.Limits {
	return memtools.Limits{Machine: total, Effective: total, EffectiveSource: "the machine's memory", Available: available}
}

// cgroupOf are those in a cgroup on a machine of 16 GB that uses nothing else.
func cgroupOf(path string, limit, used memtools.Bytes) memtools.Limits {
	return memtools.Limits{Machine: 16 * gb, Effective: limit, EffectiveSource: "cgroup v2 " + path, Available: limit - used,
		Cgroups: []memtools.Cgroup{{Version: 2, Path: path, Limit: limit, Used: used}}}
}

// TestSupply: what is told if the largest known need does not fit, for each cause, and what to do.
func TestSupply(t *testing.T) {
	for _, tt := range []struct {
		claim   string
		mode    event.Mode
		set     Setting
		limits  memtools.Limits
		granted memtools.Bytes // by an outer run
		need    memtools.Bytes // of core#build
		short   string         // empty if there is enough
		hint    string
	}{
		{claim: "is silent if the largest need is free", limits: machineOf(4*gb, 3*gb), need: 3 * gb},
		{claim: "wants no more than 1 GB for a build without history", limits: machineOf(4*gb, gb)},
		{claim: "but less for one that is known to need less", limits: machineOf(4*gb, 900*mb), need: 500 * mb},

		{"a container", event.Parallel, Setting{}, cgroupOf("/", 1500*mb, 0), 0, 1600 * mb,
			"only 1372.00MB of memory may be used (the container allows 1500MB)", "raise the container's limit from 1500MB to at least 1.7GB"},
		{"a container of Docker's, by systemd", event.Parallel, Setting{}, cgroupOf("/system.slice/docker-1f0c.scope", 700*mb, 0), 0, 0,
			"only 612.50MB of memory may be used (the container allows 700MB)", "raise the container's limit from 700MB to at least 1.2GB"},
		{"a slice of systemd", event.Parallel, Setting{}, cgroupOf("/user.slice/user-1000.slice", 2*gb, 0), 0, 3 * gb,
			"only 1920.00MB of memory may be used (systemd's user-1000.slice allows 2GB)", "raise systemd's user-1000.slice's limit from 2GB to at least 3.2GB"},
		{"memory.high of a container", event.Parallel, Setting{}, memtools.Limits{Machine: 16 * gb, Effective: 4 * gb, Soft: 2 * gb, SoftSource: "memory.high", Available: 2 * gb,
			Cgroups: []memtools.Cgroup{{Version: 2, Path: "/", Limit: 4 * gb, Soft: 2 * gb}}}, 0, 3 * gb,
			"only 1920.00MB of memory may be used (memory.high of the container allows 2GB)", "raise memory.high of the container from 2GB to at least 3.2GB"},
		{"the machine", event.Parallel, Setting{}, machineOf(4*gb, 4*gb), 0, 8 * gb,
			"only 3891.20MB of memory may be used (the machine has 4GB)", "use a machine with at least 8.5GB of memory instead of 4GB"},
		{"a setting in the file", event.Parallel, Setting{Size: memtools.Absolute(2 * gb)}, machineOf(8*gb, 8*gb), 0, 3 * gb,
			"only 2048.00MB of memory may be used (budget: in heapmage.yaml is 2GB)", "raise budget: in heapmage.yaml from 2GB to at least 3GB"},
		{"a share in the file", event.Parallel, Setting{Size: memtools.Percent(25)}, machineOf(8*gb, 8*gb), 0, 3 * gb,
			"only 2048.00MB of memory may be used (budget: in heapmage.yaml is 25%)", "raise budget: in heapmage.yaml from 25% to at least 3GB"},
		{"a setting in the environment", event.Parallel, Setting{memtools.Absolute(512 * mb), true}, machineOf(8*gb, 8*gb), 0, 3 * gb,
			"only 512.00MB of memory may be used (HEAPMAGE_BUDGET is 512MB)", "raise HEAPMAGE_BUDGET from 512MB to at least 3GB"},
		{"a setting inside of a container that is too small as well", event.Parallel, Setting{memtools.Absolute(512 * mb), true}, cgroupOf("/", 1500*mb, 0), 0, 3 * gb,
			"only 512.00MB of memory may be used (HEAPMAGE_BUDGET is 512MB)", "raise HEAPMAGE_BUDGET from 512MB to at least 3GB, and raise the container's limit from 1500MB to at least 3.2GB"},
		{"a setting that is more than the container allows", event.Parallel, Setting{Size: memtools.Absolute(4 * gb)}, cgroupOf("/", 1500*mb, 0), 0, 3 * gb,
			"only 1500.00MB of memory may be used (the container allows 1500MB)", "raise the container's limit from 1500MB to at least 3.2GB"},
		{"build:managed", event.Managed, Setting{}, machineOf(64*gb, 64*gb), 0, 9 * gb,
			"only 8192.00MB of memory may be used (build:managed uses 8GB)", "set budget: in heapmage.yaml to at least 9GB, as build:managed uses 8GB unless it is set"},
		{"an outer run", event.Parallel, Setting{}, machineOf(8*gb, 8*gb), 700 * mb, 1700 * mb,
			"only 700.00MB of memory may be used (the run around this one gave it 700MB)", "in the run around this one, set need: of the package that starts it to at least 1.7GB, instead of 700MB"},

		{"other programs on the machine", event.Parallel, Setting{}, machineOf(8*gb, 2*gb), 0, 3 * gb,
			"only 2048.00MB of memory may be used (other programs hold the rest)", "close other programs, which hold the memory"},
		{"other programs, with a setting that would do", event.Parallel, Setting{Size: memtools.Absolute(4 * gb)}, machineOf(8*gb, 2*gb), 0, 3 * gb,
			"only 2048.00MB of memory may be used (other programs hold the rest)", "close other programs, which hold the memory"},
		{"other processes in the container", event.Parallel, Setting{}, cgroupOf("/", 1500*mb, 800*mb), 0, 1000 * mb,
			"only 700.00MB of memory may be used (the container allows 1500MB, of which 800MB are in use)", "end other processes in the container, or raise the container's limit from 1500MB to at least 1.9GB"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			s := Supply{Limits: tt.limits}
			s.Max, s.Source = Max(tt.mode, tt.set, tt.limits)
			if tt.granted > 0 {
				s.Max, s.Source = tt.granted, Granted(tt.granted)
			}
			notice, err := s.Check(tt.mode, tt.need, "core#build")
			if err != nil {
				t.Error(err)
			}
			want := event.Notice{}
			if tt.short != "" {
				want = event.Notice{Kind: event.ShortMemory, Text: "O" + tt.short[1:], Hint: tt.hint}
			}
			if notice != want {
				t.Errorf("got  %+v\nwant %+v", notice, want)
			}
			because := ", core#build needs " + tt.need.String()
			if tt.need == 0 {
				because = ", a build without history wants 1024.00MB"
			}
			_, err = s.Check(event.Safe, tt.need, "core#build")
			refusal, ok := errors.AsType[*problem.Error](err)
			switch {
			case tt.short == "" && err != nil:
				t.Error(err)
			case tt.short != "" && (!ok || refusal.What != "not enough memory to start: "+tt.short+because || refusal.Hint != tt.hint || refusal.ExitStatus() != problem.ExitNoMemory):
				t.Errorf("build:safe is refused with %v", err)
			}
		})
	}
}

// TestAdviceSuffices: what is advised is enough.
func TestAdviceSuffices(t *testing.T) {
	for need := 10 * mb; need < 100*gb; need += need / 7 {
		if got, _ := Max(event.Parallel, Setting{}, machineOf(roundUp(withReserve(need)), 0)); got < need {
			t.Fatalf("%v gives %v, less than %v", roundUp(withReserve(need)), got, need)
		}
	}
}
