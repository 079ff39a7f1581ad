package inspect

import (
	"context"
	"fmt"
	"os"

	"github.com/heapmage/heapmage/internal/browser"
	"github.com/heapmage/heapmage/internal/budget"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/runpage"
	"github.com/heapmage/heapmage/internal/timeline"
)

// pageName is that of a run's page in the run's folder.
const pageName = "report.html"

// PageFlags are those of memory:report. An empty text is a flag that is not given.
type PageFlags struct {
	Run     string // the ID of the run; the last one if empty
	Compare string // the ID of another run
	File    string // where to write the page; the run's folder if empty
	Open    bool   // in a browser
}

// Page writes the page of a recorded run and prints where it is.
func Page(ctx context.Context, flags PageFlags) error {
	ws, err := workspaceHere()
	if err != nil {
		return err
	}
	c, err := config.Load(ws.Root, os.Environ())
	if err != nil {
		return err
	}
	run, id, err := timeline.Open(ws.Root, "-run", flags.Run)
	if err != nil {
		return err
	}
	o := runpage.Options{Lines: report.Totals(run.Totals), Thresholds: budget.Thresholds(c.Monitor)}
	if flags.Compare != "" {
		other, otherID, err := timeline.Open(ws.Root, "-compare", flags.Compare)
		if err != nil {
			return err
		}
		if otherID == id {
			return &problem.Error{Where: "-compare=" + otherID, What: "is the run itself", Hint: "name another run with -compare= or -run="}
		}
		o.Compare = &runpage.Run{ID: otherID, Timeline: other}
	}
	text, err := runpage.Render(runpage.Run{ID: id, Timeline: run}, o)
	if err != nil {
		return err
	}
	write := func(f *os.File) error {
		_, err := f.Write(text)
		return err
	}
	path, shown, err := runFile{pageName, "memory:report", runpage.IsPage}.write(ws, id, flags.File, write)
	if err != nil {
		return err
	}
	err = report.Print(ctx, os.Environ(), func(out *report.Console) error {
		fmt.Fprintf(out, "✅ Wrote the page of run %s to %s\n", id, printable.Text(shown))
		return nil
	})
	if err != nil || !flags.Open {
		return err
	}
	if err := browser.Open(path, os.Environ()); err != nil {
		return &problem.Error{Where: "-open", What: "no browser could be opened", Cause: err, Hint: "open the file yourself: " + shown}
	}
	return nil
}
