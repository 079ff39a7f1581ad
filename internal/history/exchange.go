package history

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

const (
	// formatKey marks an exported file; its value is the format's version.
	formatKey     = "heapmageHistory"
	formatVersion = 1
)

// exported is a sample in an exported file. Sizes are rounded up to a hundredth
// of their unit, times to a precision that people can read. What is unknown is
// left out.
type exported struct {
	Time, Outcome, Peak, Duration, CPU, HeapLimit, Sources, Tool, Versions string
}

// fields are the keys of a sample, in the order of the file.
func (e *exported) fields() []field {
	return []field{
		{"time", &e.Time}, {"outcome", &e.Outcome}, {"peak", &e.Peak}, {"duration", &e.Duration}, {"cpu", &e.CPU},
		{"heapLimit", &e.HeapLimit}, {"sources", &e.Sources}, {"tool", &e.Tool}, {"versions", &e.Versions},
	}
}

type field struct {
	key   string
	value *string
}

// Export writes the samples that predictions rest on to a file that can be
// committed: usually five of each task, and at most estimate.MaxSupport. The file
// is replaced whole or not at all.
func (s *Store) Export(path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".heapmage-history-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := errors.Join(s.export(f), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// export writes JSON with one sample a line, the tasks sorted, the oldest samples
// first.
func (s *Store) export(w io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "{\n  %q: %d,\n  \"tasks\": {", formatKey, formatVersion)
	comma := ""
	for _, task := range slices.Sorted(maps.Keys(s.samples.tasks)) {
		fmt.Fprintf(out, "%s\n    %s: [", comma, appendText(nil, task))
		own := s.samples.of(nil, task)
		comma = ""
		for i, needed := range estimate.Support(own) {
			if needed {
				fmt.Fprintf(out, "%s\n      %s", comma, exportLine(own[i]))
				comma = ","
			}
		}
		fmt.Fprint(out, "\n    ]")
		comma = ","
	}
	if comma != "" {
		fmt.Fprint(out, "\n  ")
	}
	fmt.Fprint(out, "}\n}\n")
	return out.Flush()
}

// exportLine is the line of x. Samples with the same line are the same sample: one
// that comes back from a file is rounded.
func exportLine(x estimate.Sample) string {
	e := exported{
		Outcome: string(x.Outcome), Tool: x.Tool, Versions: x.Versions,
		Peak: sizeText(x.Peak, memtools.MB, "MB"), HeapLimit: sizeText(x.HeapLimit, memtools.MB, "MB"),
		Sources:  sizeText(x.Sources, memtools.KB, "KB"),
		Duration: durationText(x.Duration), CPU: durationText(x.CPU),
	}
	if !x.Time.IsZero() {
		e.Time = x.Time.UTC().Format(time.RFC3339)
	}
	line := []byte{'{'}
	for _, f := range e.fields() {
		if *f.value == "" {
			continue
		}
		if len(line) > 1 {
			line = append(line, ", "...)
		}
		line = appendText(line, f.key)
		line = append(line, ": "...)
		line = appendText(line, *f.value)
	}
	return string(append(line, '}'))
}

// sizeText rounds up, so that an imported peak is never too small.
func sizeText(b, unit memtools.Bytes, name string) string {
	if b <= 0 {
		return ""
	}
	hundredths := (b*100 + unit - 1) / unit
	return strconv.FormatInt(int64(hundredths/100), 10) + fmt.Sprintf(".%02d", hundredths%100) + name
}

// parseSize reads any size that a person may write. What sizeText wrote, it reads
// so that sizeText gives the same text again.
func parseSize(text string) (memtools.Bytes, error) {
	if text == "" {
		return 0, nil
	}
	b, err := memtools.ParseBytes(text)
	if err != nil {
		return 0, err
	}
	for _, u := range [...]struct {
		name string
		size float64
	}{{"MB", float64(memtools.MB)}, {"KB", float64(memtools.KB)}} {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			if f, err := strconv.ParseFloat(number, 64); err == nil {
				b = memtools.Bytes(math.Floor(math.Round(f*100) * u.size / 100))
			}
		}
	}
	if b > maxSize {
		return 0, fmt.Errorf("%q is more than %s", text, maxSize.Short())
	}
	return b, nil
}

func durationText(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d >= 10*time.Millisecond:
		d = d.Round(10 * time.Millisecond)
	}
	return d.String()
}

func parseDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxTime {
		return 0, fmt.Errorf("%q is not a duration such as 12.34s", text)
	}
	return d, nil
}

// sample parses e. The error names the first value that is wrong.
func (e exported) sample() (estimate.Sample, error) {
	x := estimate.Sample{Outcome: estimate.Outcome(e.Outcome), Tool: e.Tool, Versions: e.Versions}
	if !slices.Contains(outcomes[:], x.Outcome) {
		return x, fmt.Errorf("%q is not an outcome", e.Outcome)
	}
	var errs [6]error
	if e.Time != "" {
		if x.Time, errs[0] = time.Parse(time.RFC3339, e.Time); errs[0] != nil {
			errs[0] = fmt.Errorf("%q is not a time such as 2026-01-31T12:00:00Z", e.Time)
		}
	}
	x.Peak, errs[1] = parseSize(e.Peak)
	x.Duration, errs[2] = parseDuration(e.Duration)
	x.CPU, errs[3] = parseDuration(e.CPU)
	x.HeapLimit, errs[4] = parseSize(e.HeapLimit)
	x.Sources, errs[5] = parseSize(e.Sources)
	for _, err := range errs {
		if err != nil {
			return x, err
		}
	}
	return normal(x), nil
}
