// Package table lays out columns of text. Given a width, it shortens cells so that no line is
// longer; without one nothing is cut. A width is counted in the cells of a terminal, of which a
// Chinese character takes two and a combining mark none.
package table

import (
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// Column is one column of a table.
type Column struct {
	Head string
	// Give is how readily the column is shortened. The highest gives first; zero means never.
	Give int
	// List is set if the cells are names with ", " between them, which are left out as a whole.
	List bool
}

const (
	gap      = 2 // between two columns
	ellipsis = "…"
)

// steps are the widths to which columns are shortened: those that give first to the first
// width, then the others to that, and again to the next.
var steps = []int{12, 8, 4}

// Write writes a table with its head. A cell must not contain control characters. Width is
// that of the terminal; zero means that there is none. If the columns that give nothing are too
// wide by themselves, lines are longer.
func Write(w io.Writer, width int, columns []Column, rows [][]string) error {
	widths := make([]int, len(columns))
	head := make([]string, len(columns))
	for i, c := range columns {
		head[i] = c.Head
	}
	rows = append([][]string{head}, rows...)
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], uniseg.StringWidth(cell))
		}
	}
	if width > 0 {
		fit(widths, columns, width)
	}
	var text strings.Builder
	for _, row := range rows {
		missing := 0 // spaces before the next cell
		for i, cell := range row {
			cell = shorten(cell, widths[i], columns[i].List)
			if cell != "" {
				text.WriteString(strings.Repeat(" ", missing) + cell)
				missing = 0
			}
			missing += widths[i] + gap - uniseg.StringWidth(cell)
		}
		text.WriteString("\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// fit narrows columns in steps until all fit, of those that give first the widest.
func fit(widths []int, columns []Column, width int) {
	over := gap*(len(widths)-1) - width
	ranks := 0
	for i, w := range widths {
		over += w
		ranks = max(ranks, columns[i].Give)
	}
	for _, down := range steps {
		for rank := ranks; rank > 0; rank-- {
			for over > 0 {
				widest := -1
				for i, c := range columns {
					if c.Give == rank && widths[i] > down && (widest < 0 || widths[i] > widths[widest]) {
						widest = i
					}
				}
				if widest < 0 {
					break
				}
				widths[widest]--
				over--
			}
		}
	}
}

// shorten cuts a text to a width and marks that with an ellipsis. Of a list it keeps whole
// names, if the first one fits.
func shorten(text string, width int, list bool) string {
	if uniseg.StringWidth(text) <= width {
		return text
	}
	end, cells := 0, uniseg.StringWidth(ellipsis)
	for rest, state := text, -1; rest != ""; {
		cluster, after, w, next := uniseg.FirstGraphemeClusterInString(rest, state)
		if cells+w > width {
			break
		}
		cells, end, rest, state = cells+w, end+len(cluster), after, next
	}
	if at := strings.LastIndex(text[:end], ", "); list && at > 0 {
		end = at + len(", ")
	}
	return text[:end] + ellipsis
}
