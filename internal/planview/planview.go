// Package planview shows a plan: as a table, as JSON, as a graph in the language of Mermaid or
// of Graphviz, or as a page for a browser. All of them show one value, which they do not change,
// and write nothing else. Names and scripts in it may come from anyone: in each form they are
// text and nothing more.
package planview

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// Version is that of the JSON form. Later ones only add fields.
const Version = 1

// Plan is what a run would do. Its JSON is described in docs/plan.md.
type Plan struct {
	Version int        `json:"version"`
	Target  string     `json:"target"`
	Mode    event.Mode `json:"mode"`
	Root    string     `json:"root"`
	Manager string     `json:"manager"`
	// Budget is the most that a run may use, and BudgetSource what sets it.
	Budget       memtools.Bytes `json:"budget"`
	BudgetSource string         `json:"budgetSource"`
	CPUs         float64        `json:"cpus"`
	// Concurrency is how many tasks may run at once. Zero means as many as fit.
	Concurrency int `json:"concurrency"`
	// Tasks are in an order in which they could run one at a time.
	Tasks   []Task         `json:"tasks"`
	Notices []event.Notice `json:"notices"`
}

// Task is a task of a plan.
type Task struct {
	event.Task
	// Folder is the package's, relative to the root, and Command the script's text.
	Folder  string `json:"folder"`
	Command string `json:"command"`
	// After are the IDs of the tasks that must succeed first, AfterEnd of those that must
	// have ended first, no matter how. What follows from others of them is left out.
	After    []string `json:"after"`
	AfterEnd []string `json:"afterEnd"`
	// Need is the memory that is reserved for it, and Basis what that rests on.
	Need  memtools.Bytes `json:"need"`
	Basis string         `json:"basis"`
	// Length is the expected duration. Zero means unknown.
	Length time.Duration `json:"length"`
	// HeapLimit is V8's limit. Zero means that none is set.
	HeapLimit memtools.Bytes `json:"heapLimit"`
	// Result is what is known of its result; nil if no results are used.
	Result *Result `json:"result,omitempty"`
}

// Form is how a plan is shown.
type Form string

// The forms.
const (
	Table   Form = ""
	Explain Form = "explain" // the table, and which file declares what
	JSON    Form = "json"
	Mermaid Form = "mermaid"
	Dot     Form = "dot"
	Page    Form = "html"
)

// IsTable reports whether a form is the table, which is written in parts.
func (f Form) IsTable() bool { return f == Table || f == Explain }

// graphs are the forms that -graph may have.
var graphs = []string{string(Mermaid), string(Dot), string(Page)}

// Flags are those of plan that choose a form; nil is one that is not given.
type Flags struct {
	Explain, JSON *bool
	Graph         *string
}

// Form returns the form that the flags ask for.
func (f Flags) Form() (Form, error) {
	var forms []Form
	var flags []string
	add := func(f Form, flag string) { forms, flags = append(forms, f), append(flags, flag) }
	if f.Explain != nil && *f.Explain {
		add(Explain, "-explain")
	}
	if f.JSON != nil && *f.JSON {
		add(JSON, "-json")
	}
	if f.Graph != nil {
		if !slices.Contains(graphs, *f.Graph) {
			return Table, &problem.Error{Where: "-graph=" + *f.Graph, What: "is not known", Hint: nearest.Hint(*f.Graph, graphs, "it can be")}
		}
		add(Form(*f.Graph), "-graph="+*f.Graph)
	}
	switch len(forms) {
	case 0:
		return Table, nil
	case 1:
		return forms[0], nil
	}
	return Table, &problem.Error{Where: strings.Join(flags, " "), What: "a plan has one form at a time", Hint: "leave out all but one of them; -json and -graph=html have all that is planned"}
}

// Render returns the text of a plan in any form but Table and Explain, and what belongs beside
// it: what the form has no place for.
func (p *Plan) Render(f Form) (text []byte, aside []event.Notice, err error) {
	switch f {
	case JSON:
		text, err = printable.JSON(p)
	case Mermaid:
		text, aside = p.mermaid(), p.Notices
		if n := p.edges(); n > mermaidEdges || utf8.RuneCount(text) > mermaidSize {
			aside = append(slices.Clip(aside), event.Notice{Kind: event.GraphLarge,
				Text: fmt.Sprintf("This graph has %d edges and %d characters; Mermaid draws at most %d and %d, unless configured otherwise", n, utf8.RuneCount(text), mermaidEdges, mermaidSize),
				Hint: "choose packages with -workspace=, or use -graph=html or -graph=dot"})
		}
	case Dot:
		text, aside = p.dot(), p.Notices
	case Page:
		text, err = p.page()
	case Table, Explain:
		err = fmt.Errorf("the form %q is not one text", f)
	}
	return text, aside, err
}

// title names a task by its package's label.
func (t Task) title() string { return t.Label + "#" + t.Target }

// figures are a task's need and expected duration.
func (t Task) figures() string {
	text := t.Need.Short()
	if t.Length > 0 {
		text += " · " + seconds(t.Length)
	}
	return text
}

// seconds formats a duration as the log does.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

// number returns the index of each task by its ID.
func (p *Plan) number() map[string]int {
	at := make(map[string]int, len(p.Tasks))
	for i, t := range p.Tasks {
		at[t.ID] = i
	}
	return at
}
