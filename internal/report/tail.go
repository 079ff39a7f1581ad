package report

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/memtools"
)

// logFile is a log in a file.
type logFile struct {
	*os.File
	size int64
}

func (l logFile) Size() int64 { return l.size }
func (logFile) Whole() bool   { return true }

func openLog(path string) (rundir.Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return logFile{f, info.Size()}, nil
}

// ending is the end of a task's log that is printed once the task has ended.
type ending struct {
	source

	most memtools.Bytes
	// before and after are what stands around it if there is any.
	before, after string
}

// print reads the end of the log and writes it.
func (e *ending) print(to io.Writer) error {
	_, err := to.Write(e.text())
	return err
}

// text is the end of the log, in whole lines.
func (e *ending) text() []byte {
	c := e.console
	var out []byte
	var earlier memtools.Bytes
	log, err := c.OpenLog(e.log)
	if err == nil {
		out, earlier, err = tail(log, e.most)
	}
	switch {
	case err != nil:
		return []byte(c.lineOf(c.paint.warning, "⚠️  the output cannot be read: %v", err))
	case len(out) == 0:
		return nil
	}
	if l := e.lines(); l != nil {
		out = l.end(l.add(nil, out))
	}
	if out[len(out)-1] != '\n' {
		out = append(out, '\n')
	}
	if earlier > 0 {
		out = append([]byte(c.lineOf(c.paint.faint, "… %v of earlier output in %s", earlier, e.log)), out...)
	}
	return slices.Concat([]byte(e.before), out, []byte(e.after))
}

// tail reads the last most bytes of a log, without a partial line at the beginning if
// that leaves anything. earlier is the size of what comes before.
func tail(log rundir.Source, most memtools.Bytes) (text []byte, earlier memtools.Bytes, err error) {
	defer func() { err = errors.Join(err, log.Close()) }()
	earlier = max(0, memtools.Bytes(log.Size())-most)
	text, err = io.ReadAll(io.NewSectionReader(log, int64(earlier), int64(most)))
	if err != nil {
		return nil, 0, err
	}
	if cut := bytes.IndexByte(text, '\n') + 1; earlier > 0 && cut > 0 && cut < len(text) {
		text, earlier = text[cut:], earlier+memtools.Bytes(cut)
	}
	return text, earlier, nil
}
