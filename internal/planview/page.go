package planview

import (
	"bytes"
	"cmp"
	_ "embed" // of the page's parts
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/csp"
	"github.com/heapmage/heapmage/internal/printable"
)

//go:embed page/page.html
var pageText string

//go:embed page/page.css
var pageStyle string

//go:embed page/page.js
var pageScript string

// pageTemplate is made when it is needed: few runs of the program draw a page.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{"text": printable.Text}).Parse(pageText))
})

// box is a task on the page.
type box struct {
	Number          int
	Title, Figures  string
	After, AfterEnd string // the numbers of the tasks before it
	Text            string // what a filter looks at
	Known           bool
	About           []fact

	before []int
	place  float64 // where in its column it would best stand
}

// fact is one thing that is known of a task.
type fact struct {
	Name, Value string
	Code        bool
}

// page is the graph as one file for a browser, which needs nothing else and may load nothing:
// the policy in it allows its own style and script by their hashes, and forbids all other.
func (p *Plan) page() ([]byte, error) {
	tasks := fmt.Sprintf("%d tasks", len(p.Tasks))
	if len(p.Tasks) == 1 {
		tasks = "1 task"
	}
	notices := fmt.Sprintf("%d notices", len(p.Notices))
	if len(p.Notices) == 1 {
		notices = "1 notice"
	}
	var b bytes.Buffer
	err := pageTemplate().Execute(&b, map[string]any{
		"Plan": p, "Tasks": tasks, "AtOnce": p.atOnce(), "NoticesTitle": notices, "Columns": p.columns(),
		"Policy": csp.Policy([]string{pageStyle}, []string{pageScript}), "Style": template.CSS(pageStyle), "Script": template.JS(pageScript), //nolint:gosec // they are ours
	})
	return b.Bytes(), err
}

// columns are the tasks by how many come before them at least, each column in an order in
// which few lines cross.
func (p *Plan) columns() [][]*box {
	at := p.number()
	boxes := make([]*box, len(p.Tasks))
	behind := make([][]int, len(p.Tasks))
	depth := make([]int, len(p.Tasks))
	var columns [][]*box
	for i, t := range p.Tasks { // each comes after its predecessors
		b := &box{Number: i, Title: printable.Text(t.title()), Figures: t.figures(), Known: t.isKnown(), About: p.about(t)}
		b.Text = printable.Text(strings.Join([]string{t.ID, b.Title, t.Folder, t.Script, t.Command}, " "))
		numbers := func(ids []string) string {
			var texts []string
			for _, id := range ids {
				n := at[id]
				texts, b.before = append(texts, strconv.Itoa(n)), append(b.before, n)
				behind[n], depth[i] = append(behind[n], i), max(depth[i], depth[n]+1)
			}
			return strings.Join(texts, " ")
		}
		b.After, b.AfterEnd = numbers(t.After), numbers(t.AfterEnd)
		boxes[i] = b
		if depth[i] == len(columns) {
			columns = append(columns, nil)
		}
		columns[depth[i]] = append(columns[depth[i]], b)
	}
	for i, b := range boxes {
		var ids []string
		for _, n := range behind[i] {
			ids = append(ids, printable.Text(p.Tasks[n].ID))
		}
		if len(ids) > 0 {
			b.About = append(b.About, fact{"Directly before", strings.Join(ids, ", "), false})
		}
	}
	const sweeps = 4
	for range sweeps {
		for _, column := range columns {
			arrange(column, boxes, func(b *box) []int { return b.before })
		}
		for _, column := range slices.Backward(columns) {
			arrange(column, boxes, func(b *box) []int { return behind[b.Number] })
		}
	}
	return columns
}

// arrange sorts a column by the mean place of each box's neighbours. Those without any keep
// their place among the others.
func arrange(column []*box, boxes []*box, neighbours func(*box) []int) {
	places := make([]float64, len(column))
	for i, b := range column {
		places[i] = b.place
		if all := neighbours(b); len(all) > 0 {
			places[i] = 0
			for _, n := range all {
				places[i] += boxes[n].place / float64(len(all))
			}
		}
	}
	for i, b := range column {
		b.place = places[i]
	}
	slices.SortStableFunc(column, func(a, b *box) int { return cmp.Compare(a.place, b.place) })
	for i, b := range column {
		b.place = (float64(i) + 0.5) / float64(len(column))
	}
}

// about is what the page tells of a task.
func (p *Plan) about(t Task) []fact {
	facts := []fact{
		{"Package", t.Package, false}, {"Folder", t.Folder, false}, {"Script", t.Script, false}, {"Command", t.Command, true},
		{"Need", fmt.Sprintf("%v (%s)", t.Need, t.Basis), false},
	}
	if t.Length > 0 {
		facts = append(facts, fact{"Expected time", seconds(t.Length), false})
	}
	if t.HeapLimit > 0 {
		facts = append(facts, fact{"Heap limit", t.HeapLimit.String(), false})
	}
	if r := t.Result; r != nil {
		text := r.text(func(id string) string { return id })
		if r.Reason != "" {
			text += ": " + r.Reason
		}
		facts = append(facts, fact{"Result", text, false})
	}
	facts = append(facts, fact{"Directly after", strings.Join(t.After, ", "), false}, fact{"Directly after the end of", strings.Join(t.AfterEnd, ", "), false})
	for i, f := range facts {
		facts[i].Value = printable.Text(f.Value)
	}
	return slices.DeleteFunc(facts, func(f fact) bool { return f.Value == "" })
}
