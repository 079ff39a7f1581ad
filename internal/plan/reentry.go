package plan

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
)

// mostNested is how many runs may be inside of each other. Each of them takes memory.
const mostNested = 8

// Inside returns the value of HEAPMAGE_RUNNING for the processes of a task: the tasks
// that they are part of, the outermost first. running is the value for the run that
// starts the task, and root its workspace, which may be empty.
//
// A task is the root, a colon and the ID, both as in the query of an address; between
// two tasks is a space. So it holds any root and any ID.
func Inside(running, root, id string) string {
	return strings.TrimLeft(running+" "+url.QueryEscape(root)+":"+url.QueryEscape(id), " ")
}

// outer is a task that runs around this process.
type outer struct{ root, id string }

// outers reads the value of HEAPMAGE_RUNNING. Of what it does not understand only the
// number counts.
func outers(running string) (tasks []outer) {
	for text := range strings.FieldsSeq(running) {
		root, id, _ := strings.Cut(text, ":")
		var task outer
		if r, err := url.QueryUnescape(root); err == nil {
			task.root = r
		}
		if i, err := url.QueryUnescape(id); err == nil {
			task.id = i
		}
		tasks = append(tasks, task)
	}
	return tasks
}

// CheckReentry refuses a plan inside one of its own tasks: a build script that calls
// "mage build" would start itself forever. running is the value of HEAPMAGE_RUNNING.
func (p *Plan) CheckReentry(running string) error {
	around := outers(running)
	for _, t := range p.Graph.Tasks {
		if slices.Contains(around, outer{p.Workspace.Root, t.ID}) {
			return &problem.Error{Where: t.ID, What: "its script starts heapmage, which would run the same script again",
				Hint: "have the script call the compiler itself, or leave the package out with -exclude"}
		}
	}
	return checkNesting(running)
}

// checkNesting refuses to run inside of too many runs: a script that starts heapmage in
// a new folder each time would never end. running is the value of HEAPMAGE_RUNNING.
func checkNesting(running string) error {
	around := outers(running)
	if len(around) < mostNested {
		return nil
	}
	last := around[len(around)-1]
	return &problem.Error{Where: printable.Text(last.id), What: fmt.Sprintf("it starts heapmage inside %d runs of heapmage", len(around)),
		Hint: fmt.Sprintf("the outermost is %s in %s: does a script start itself?", printable.Text(around[0].id), printable.Text(around[0].root))}
}
