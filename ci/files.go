package ci

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
)

// The variables that name files in which GitHub Actions, and systems like it, take what a step
// tells: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
const (
	summaryVariable = "GITHUB_STEP_SUMMARY"
	outputVariable  = "GITHUB_OUTPUT"
)

// SummaryLimit is the largest summary of a step that GitHub shows, in bytes. It refuses a larger
// one as a whole.
const SummaryLimit = 1 << 20

// ErrSummaryFull is returned by AppendSummary if the summary would get too large.
var ErrSummaryFull = errors.New("the step's summary would get larger than 1 MiB")

// AppendSummary adds Markdown to the summary of the step that runs: to the file that
// GITHUB_STEP_SUMMARY names, behind what is there; a missing file is made. getenv is usually os.Getenv. If the Markdown
// does not fit, nothing is added and the error is ErrSummaryFull. Without that variable the
// error is [errors.ErrUnsupported]; otherwise it is that of the file.
func AppendSummary(getenv func(string) string, markdown string) error {
	return appendTo(getenv(summaryVariable), strings.TrimRight(markdown, "\n")+"\n\n", SummaryLimit)
}

// SetOutput sets an output of the step that runs, in the file that GITHUB_OUTPUT names. getenv is
// usually os.Getenv. The name has letters, digits, "_" and "-" of ASCII, and begins with a letter
// or "_"; another one is an error. The value is any text. Without that variable the error is
// [errors.ErrUnsupported]; otherwise it is that of the file.
func SetOutput(getenv func(string) string, name, value string) error {
	if !isOutputName(name) {
		return fmt.Errorf("%q cannot be the name of an output", name)
	}
	end := ""
	for end == "" || strings.Contains(value, end) {
		end = fmt.Sprintf("end_%016x%016x", rand.Uint64(), rand.Uint64())
	}
	return appendTo(getenv(outputVariable), fmt.Sprintf("%s<<%s\n%s\n%s\n", name, end, value, end), 0)
}

func isOutputName(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return name != ""
}

// appendTo adds a text to a file, beginning on a new line. If most is not zero, the file gets no
// larger than that.
func appendTo(path, text string, most int64) (err error) {
	if path == "" {
		return errors.ErrUnsupported
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0 { // a write could wait for ever
		return &os.PathError{Op: "write", Path: path, Err: errors.New("it is a pipe")}
	}
	if size := info.Size(); size > 0 {
		var last [1]byte
		if _, err := f.ReadAt(last[:], size-1); err != nil {
			return err
		}
		if last[0] != '\n' { // someone's line has no end
			text = "\n" + text
		}
	}
	if most > 0 && info.Size()+int64(len(text)) > most {
		return ErrSummaryFull
	}
	_, err = io.WriteString(f, text)
	return err
}
