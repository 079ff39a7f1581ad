package doctor

import (
	"fmt"
	"io"

	"github.com/heapmage/heapmage/internal/problem"
)

// Options are how a set-up is examined.
type Options struct {
	// JSON writes the findings for programs.
	JSON bool
	// All takes also those about scripts that no target runs.
	All bool
	// Fix does what is safe about the findings.
	Fix bool
}

// Diagnosis is what was found.
type Diagnosis struct {
	Options
	findings []finding
	leftOut  int // findings about scripts that no target runs
}

// Examine finds what is wrong, and does something about it if Fix is set.
func (o Options) Examine(f Facts) Diagnosis {
	d := Diagnosis{Options: o}
	for _, one := range examine(f) {
		if one.Unused && !o.All {
			d.leftOut++
		} else {
			d.findings = append(d.findings, one)
		}
	}
	if o.Fix {
		applyFixes(d.findings)
	}
	return d
}

// Write writes the findings for people or programs.
func (d Diagnosis) Write(w io.Writer) error {
	if d.JSON {
		return writeJSON(w, d.findings)
	}
	return writeText(w, d.findings, d.leftOut)
}

// Err is an error with exit code 1 if there are problems that are not fixed.
func (d Diagnosis) Err() error {
	n := problems(d.findings)
	if n == 0 {
		return nil
	}
	are := "are problems"
	if n == 1 {
		are = "is a problem"
	}
	return &problem.Error{What: fmt.Sprintf("%d of %d findings %s", n, len(d.findings), are), Code: problem.ExitFailed}
}
