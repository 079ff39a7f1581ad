package shard

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// Flags are those of ci:matrix as they are written. Empty means not given.
type Flags struct {
	Runners, Memory, CPUs, Label, Larger, Setup, Format, Command string
}

// Settings are what flags mean.
type Settings struct {
	Runners int
	// Runner and Larger have no Budget and no Slots yet. Memory and CPUs of Runner are zero if
	// they are those of this machine. Larger is nil if there is none.
	Runner  Runner
	Larger  *Runner
	Setup   time.Duration
	Format  string
	Command string
}

const (
	usualSetup   = 40 * time.Second
	mostSetup    = time.Hour
	usualCommand = ".buildkite/shard.sh"
	mostCPUs     = 1024
)

// Read reads the flags. Every error is one that the user can fix.
func (f Flags) Read() (s Settings, err error) {
	s = Settings{Setup: usualSetup, Format: "json", Command: usualCommand}
	if f.Format != "" {
		s.Format = f.Format
	}
	if err := checkFormat(s.Format); err != nil {
		return s, err
	}
	if s.Runners, err = strconv.Atoi(f.Runners); err != nil || s.Runners < 1 || s.Runners > Most {
		return s, &problem.Error{Where: "-runners=" + f.Runners, What: fmt.Sprintf("is no number of runners from 1 to %d", Most), Hint: "pass how many there may be at most, such as -runners=4"}
	}
	if f.Memory != "" {
		if s.Runner.Memory, err = memory("-memory="+f.Memory, f.Memory); err != nil {
			return s, err
		}
	}
	if f.CPUs != "" {
		if s.Runner.CPUs, err = cpus("-cpus="+f.CPUs, f.CPUs); err != nil {
			return s, err
		}
	}
	if f.Setup != "" {
		if s.Setup, err = time.ParseDuration(f.Setup); err != nil || s.Setup < 0 || s.Setup > mostSetup {
			return s, &problem.Error{Where: "-setup=" + f.Setup, What: "is no time from 0s to 1h", Hint: "pass what a runner takes before its first task, such as -setup=40s"}
		}
	}
	if s.Runner.Label = f.Label; f.Label == "" && s.Format == "github" {
		s.Runner.Label = "ubuntu-latest"
	}
	if f.Larger != "" {
		if s.Larger, err = larger(f.Larger); err != nil {
			return s, err
		}
	}
	if f.Command != "" && s.Format != "buildkite" {
		return s, &problem.Error{Where: "-command=" + f.Command, What: "is only for -format=buildkite", Hint: "leave it out: elsewhere the job itself tells what it runs"}
	}
	if f.Command != "" {
		s.Command = f.Command
	}
	return s, nil
}

// larger reads a label, a size and a number of processors with colons between. The label may have
// colons, too.
func larger(text string) (*Runner, error) {
	where := "-larger=" + text
	parts := strings.Split(text, ":")
	if len(parts) < 3 || parts[0] == "" {
		return nil, &problem.Error{Where: where, What: "is no label with a size and a number of processors", Hint: "write it as -larger=ubuntu-16-cores:64GB:16"}
	}
	n := len(parts)
	r := &Runner{Label: strings.Join(parts[:n-2], ":")}
	var err error
	if r.Memory, err = memory(where, parts[n-2]); err != nil {
		return nil, err
	}
	r.CPUs, err = cpus(where, parts[n-1])
	return r, err
}

func memory(where, text string) (memtools.Bytes, error) {
	size, err := memtools.ParseBytes(text)
	if err == nil && size < 256*memtools.MB {
		err = fmt.Errorf("%s is too little to build in", size.Short())
	}
	if err != nil {
		return 0, &problem.Error{Where: where, What: "its memory cannot be used", Cause: err, Hint: "write what a runner has, such as 16GB"}
	}
	return size, nil
}

func cpus(where, text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0.1 && n <= mostCPUs) {
		return 0, &problem.Error{Where: where, What: fmt.Sprintf("%q is no number of processors up to %d", text, mostCPUs), Hint: "write how many a runner has, such as 4"}
	}
	return n, nil
}
