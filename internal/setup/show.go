package setup

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kballard/go-shellquote"
	"github.com/rogpeppe/go-internal/diff"

	"github.com/heapmage/heapmage/internal/printable"
)

// show prints what init adds, before it does.
func (p *prepared) show(out io.Writer, dry bool) error {
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	name := "heapmage"
	if p.way == withNPM {
		name += " " + p.version
	}
	line(fmt.Sprintf("🧰 %s for %s (%s, %s)", name, printable.Text(p.ws.Root), p.ws.Manager, printable.Count(len(p.ws.Packages), "package")))
	for _, f := range p.files {
		line("")
		if f.before == nil {
			line("🆕 " + printable.Text(p.shown(f)))
		} else {
			line("📝 " + printable.Text(p.shown(f)))
		}
		for text := range strings.Lines(f.diff()) {
			line("   " + shownLine(text))
		}
	}
	if len(p.files)+len(p.notes) > 0 {
		line("")
	}
	for _, n := range p.notes {
		line("ℹ️  " + printable.Text(n.What))
		if n.Do != "" {
			line("💡 " + printable.Text(n.Do))
		}
	}
	switch {
	case len(p.files) == 0:
		line("✅ Nothing to add: all of it is there")
	case dry:
		line("✅ Nothing was written; without -dry init writes this")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// diff shows the lines that are added to a file.
func (f *file) diff() string {
	if f.before == nil {
		var b strings.Builder
		for text := range strings.Lines(string(f.after)) {
			b.WriteString("+" + text)
		}
		return b.String()
	}
	text := string(diff.Diff(f.path, f.before, f.path, f.after))
	for range 3 { // its head names the file
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}

// shownLine is a line of a file for a terminal.
func shownLine(text string) string {
	parts := strings.Split(strings.TrimRight(text, "\r\n"), "\t")
	for i, part := range parts {
		parts[i] = printable.Text(part)
	}
	return strings.Join(parts, "\t")
}

// after prints what was done, what comes next, and how to undo it.
func (p *prepared) after(out io.Writer) error {
	var changed, added []string
	for _, f := range p.files {
		if f.before == nil {
			added = append(added, p.fromHere(f))
		} else {
			changed = append(changed, p.fromHere(f))
		}
	}
	var b strings.Builder
	var counts []string
	if len(changed) > 0 {
		counts = append(counts, printable.Count(len(changed), "file")+" changed")
	}
	if len(added) > 0 {
		counts = append(counts, fmt.Sprintf("%d new", len(added)))
	}
	b.WriteString("✅ heapmage is added: " + strings.Join(counts, ", ") + "\n")
	b.WriteString("💡 Next: " + printable.Text(strings.Join(p.next, ", then ")) + "\n")
	if !p.inGit {
		b.WriteString("↩️  There is no Git repository. To undo it, remove " + printable.Text(cmp.Or(strings.Join(added, ", "), "nothing")))
		if len(changed) > 0 {
			b.WriteString(", and take the lines with + out of " + printable.Text(strings.Join(changed, ", ")))
		}
		b.WriteString("\n")
	} else {
		lead := "↩️  To undo it: "
		if len(changed) > 0 {
			b.WriteString(lead + printable.Text("git checkout -- "+shellquote.Join(changed...)) + "\n")
			lead = "                "
		}
		if len(added) > 0 {
			b.WriteString(lead + printable.Text("git clean -fx -- "+shellquote.Join(added...)) + "\n")
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// fromHere is the path of a file as it can be typed.
func (p *prepared) fromHere(f *file) string {
	whole := filepath.Join(f.base, filepath.FromSlash(f.path))
	here, err := os.Getwd()
	if err == nil {
		if here, err = filepath.EvalSymlinks(here); err == nil {
			if rel, err := filepath.Rel(here, whole); err == nil {
				return filepath.ToSlash(rel)
			}
		}
	}
	return whole
}
