package planview

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/heapmage/heapmage/internal/printable"
)

// What Mermaid draws at most, unless the page that shows it allows more: maxEdges and
// maxTextSize.
const (
	mermaidEdges = 500
	mermaidSize  = 50_000
)

// mermaid is the graph for Mermaid. Tasks are numbered there, as its identifiers
// cannot be quoted.
func (p *Plan) mermaid() []byte {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	at := p.number()
	for i, t := range p.Tasks {
		fmt.Fprintf(&b, "  t%d[\"%s<br>%s\"]\n", i, mermaidText(t.title()), mermaidText(t.figures()))
	}
	var known []string
	for i, t := range p.Tasks {
		for _, id := range t.After {
			fmt.Fprintf(&b, "  t%d --> t%d\n", at[id], i)
		}
		for _, id := range t.AfterEnd {
			fmt.Fprintf(&b, "  t%d -.-> t%d\n", at[id], i)
		}
		if t.isKnown() {
			known = append(known, fmt.Sprintf("t%d", i))
		}
	}
	if len(known) > 0 {
		fmt.Fprintf(&b, "  classDef known stroke-dasharray: 4\n  class %s known\n", strings.Join(known, ","))
	}
	return []byte(b.String())
}

// mermaidText is a text inside of a quoted label. Mermaid reads entities without "&" there, and
// Markdown: what is neither letter nor digit is written as its number, but for what no syntax
// begins with.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range printable.Text(s) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r > unicode.MaxASCII || r == ' ' || r == '/' || r == '@' {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

// dot is the graph for Graphviz.
func (p *Plan) dot() []byte {
	var b strings.Builder
	b.WriteString("digraph plan {\n  rankdir=LR\n  node [shape=box style=rounded]\n")
	for _, t := range p.Tasks {
		style := ""
		if t.isKnown() {
			style = ` style="rounded,dashed"`
		}
		fmt.Fprintf(&b, "  %s [label=\"%s\\n%s\"%s]\n", dotName(t.ID), dotText(t.title()), dotText(t.figures()), style)
	}
	for _, t := range p.Tasks {
		for _, id := range t.After {
			fmt.Fprintf(&b, "  %s -> %s\n", dotName(id), dotName(t.ID))
		}
		for _, id := range t.AfterEnd {
			fmt.Fprintf(&b, "  %s -> %s [style=dashed]\n", dotName(id), dotName(t.ID))
		}
	}
	b.WriteString("}\n")
	return []byte(b.String())
}

var dotQuote = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// dotName is a task's ID as a name of Graphviz.
func dotName(id string) string { return `"` + dotQuote.Replace(printable.Text(id)) + `"` }

// dotText is a text inside of a quoted label, where Graphviz also reads HTML's entities.
func dotText(s string) string {
	return strings.ReplaceAll(dotQuote.Replace(printable.Text(s)), "&", "&amp;")
}

// edges is how many edges the graph has.
func (p *Plan) edges() (n int) {
	for _, t := range p.Tasks {
		n += len(t.After) + len(t.AfterEnd)
	}
	return n
}
