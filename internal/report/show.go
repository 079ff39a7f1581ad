package report

import "github.com/heapmage/heapmage/internal/config"

// Show is how scripts' output reaches the console.
type Show int

const (
	// Held output is printed with the end of its task.
	Held Show = iota
	// Live output is printed as it comes: nothing else runs beside the task.
	Live
	// Labelled output is printed as it comes, in whole lines, each with the label of
	// its task in front. Nothing in it can be taken for a line of the log.
	Labelled
	// Grouped output is printed with the end of its task, all of it.
	Grouped
	// Errors is as Held for tasks that fail; the output of others is not printed.
	Errors
	// None prints no output of tasks.
	None
)

// Choose returns the Show for the setting output, one of config's. alone is set if no two
// tasks run at once.
func Choose(output string, alone bool) Show {
	switch output {
	case config.OutputFull:
		return Labelled
	case config.OutputGrouped:
		return Grouped
	case config.OutputErrors:
		return Errors
	case config.OutputNone:
		return None
	}
	if alone {
		return Live
	}
	return Held
}

// Replays reports whether what a task printed is printed again if its result is known.
func (s Show) Replays() bool { return s == Labelled || s == Grouped }
