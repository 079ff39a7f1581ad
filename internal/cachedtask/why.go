package cachedtask

import (
	"fmt"
	"io"
	"strings"

	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/reuse"
)

// outlook puts into words what a run would find for a task.
func outlook(o reuse.Outlook) string {
	switch o.State {
	case reuse.UpToDate:
		return "up to date"
	case reuse.Restored:
		return "restored"
	case reuse.Unknown:
		return "unknown until " + o.Until
	case reuse.Runs:
	}
	return "to run: " + o.Reason
}

// kinds are the headings of what a result depends on.
var kinds = []struct {
	kind    reuse.Kind
	heading string
}{
	{reuse.Part, "Known before it runs"},
	{reuse.Read, "Files that it read"},
	{reuse.Link, "Links that it followed"},
	{reuse.Seen, "Paths of which only type and permissions count"},
	{reuse.Missing, "Paths that it looked for in vain"},
	{reuse.Listed, "Folders that it listed"},
	{reuse.Variable, "Variables that sources name"},
	{reuse.Package, "Installed packages that it read"},
	{reuse.Outside, "Outside of the workspace"},
}

// reasonsShown is how many reasons are shown why a result stays here: a program outside of the workspace
// can read hundreds of files.
const reasonsShown = 5

// write writes all that is known of a task's result.
func write(w io.Writer, task string, x reuse.Explanation) error {
	p := &printer{w: w}
	p.line("%s: %s", printable.Name(task), printable.Text(outlook(x.Outlook)))
	if x.State == reuse.UpToDate || x.State == reuse.Restored {
		p.line("  key          %v", x.Strong)
	} else {
		p.line("  key so far   %v", x.Weak)
	}
	if x.Not != "" {
		p.line("  not kept     %s", printable.Text(x.Not))
	}
	if r := x.Last; r != nil {
		p.line("  kept         %s, after %.2fs, %v", r.Created.Local().Format("2006-01-02 15:04:05"), r.Duration.Seconds(), r.Peak)
		for i, why := range r.Local {
			if i == reasonsShown {
				p.line("  stays here   %d more reasons of the kind", len(r.Local)-i)
				break
			}
			p.line("  stays here   %s", printable.Text(why))
		}
	}
	for _, address := range x.Connections {
		p.line("  connects to  %s", printable.Name(address))
	}
	if x.Not == "" && x.Last == nil {
		p.line("  no result is kept of it")
	}
	all := append(x.Parts, x.Inputs...)
	for _, k := range kinds {
		p.group(k.heading, func(yield func(string)) {
			for _, d := range all {
				if d.Kind != k.kind {
					continue
				}
				text := printable.Name(d.Name)
				if d.Change != "" {
					text = "* " + printable.Text(d.Change)
				}
				yield(text)
			}
		})
	}
	if x.Last != nil {
		p.group("Outputs", func(yield func(string)) {
			for _, f := range x.Last.Files {
				yield(output(f))
			}
		})
	}
	return p.err
}

// output is a file that a task left.
func output(f filetree.File) string {
	name := printable.Name(f.Path)
	switch f.Kind {
	case filetree.Folder:
		return name + "/"
	case filetree.Link:
		return name + " -> " + printable.Name(f.Target)
	case filetree.Regular:
	}
	return fmt.Sprintf("%s, %d B", name, f.Size)
}

// printer writes lines until one fails.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// group writes lines under a heading with their number; nothing if there are none.
func (p *printer) group(heading string, each func(yield func(string))) {
	var lines []string
	each(func(text string) { lines = append(lines, text) })
	if len(lines) > 0 {
		p.line("\n%s (%d)\n  %s", heading, len(lines), strings.Join(lines, "\n  "))
	}
}
