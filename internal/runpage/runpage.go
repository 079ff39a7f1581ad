// Package runpage shows a recorded run, or two beside each other, as a page for a browser: one
// file that loads nothing, forbids everything but its own scripts and style, and works without a
// network. Names and texts in a record may come from anyone: on the page they are text and
// nothing more.
package runpage

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"html"
	"strings"

	"github.com/heapmage/heapmage/internal/csp"
	"github.com/heapmage/heapmage/internal/timeline"
	"github.com/heapmage/heapmage/internal/whatif"
	"github.com/heapmage/heapmage/memtools"
)

//go:embed page/page.html
var pageText string

//go:embed page/page.css
var pageStyle string

// parts are the page's scripts, each one a subject.
//
//go:embed page/*.js
var parts embed.FS

// pageScript returns the page's scripts in the order in which they run.
func pageScript() (string, error) {
	var b strings.Builder
	for _, name := range []string{"base", "head", "chart", "lanes", "tables", "main"} {
		text, err := parts.ReadFile("page/" + name + ".js")
		if err != nil {
			return "", err
		}
		b.Write(text)
	}
	return b.String(), nil
}

// uPlot draws the usage over time.
//
//go:embed uplot/uPlot.iife.min.js
var uPlotScript string

//go:embed uplot/uPlot.min.css
var uPlotStyle string

//go:embed uplot/LICENSE
var uPlotLicence string

// Run is a recorded run and its ID.
type Run struct {
	ID string
	*timeline.Timeline
}

// Options are what a page shows beside its run.
type Options struct {
	// Compare is another run to show beside it; nil means none.
	Compare *Run
	// Lines are the totals as the log has them.
	Lines []string
	// Thresholds are the shares of the budget from which usage is high. Zero means
	// memtools.DefaultThresholds.
	Thresholds memtools.Thresholds
}

// start is how every page begins. No other program writes this.
const start = "<!doctype html>\n<!-- A run of heapmage. docs/report.md -->\n"

// IsPage reports whether a file with this beginning is a page of this package.
func IsPage(beginning []byte) bool { return bytes.HasPrefix(beginning, []byte(start)) }

// Render returns the page of a run.
func Render(r Run, o Options) ([]byte, error) {
	d := dataOf(r.ID, r.Timeline)
	if !r.Timeline.Run.Foreign {
		d.WhatIf = changesOf(whatif.Of(r.Timeline))
	}
	d.Run.Lines = o.Lines
	d.Warning = cmp.Or(o.Thresholds.Warning, memtools.DefaultThresholds.Warning)
	d.Critical = cmp.Or(o.Thresholds.Critical, memtools.DefaultThresholds.Critical)
	if o.Compare != nil {
		d.compareWith(o.Compare.ID, o.Compare.Timeline)
	}
	text, err := json.Marshal(d) // it escapes <, >, & and the line ends of Unicode
	if err != nil {
		return nil, err
	}
	script, err := pageScript()
	if err != nil {
		return nil, err
	}
	style := uPlotStyle + pageStyle
	// One pass: nothing is looked for in what is put in.
	page := strings.NewReplacer(
		"{{title}}", html.EscapeString(d.Run.Target+" of "+d.Run.Name),
		"{{policy}}", csp.Policy([]string{style}, []string{uPlotScript, script}),
		"{{style}}", style, "{{uplot}}", uPlotScript, "{{script}}", script,
		"{{licence}}", html.EscapeString(uPlotLicence), "{{data}}", string(text),
	).Replace(pageText)
	return []byte(start + page), nil
}
