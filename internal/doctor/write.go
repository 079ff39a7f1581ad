package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/heapmage/heapmage/internal/printable"
)

var marks = map[Level]string{OK: "✅ ", Fixed: "🔧 ", Warning: "⚠️  ", Problem: "❌ "}

// writeText writes the findings for people: what was found, and unless all is
// well why it matters, what to do, and what -fix does. leftOut is how
// many findings about scripts that no target runs are not among them.
func writeText(w io.Writer, findings []finding, leftOut int) error {
	for _, f := range findings {
		var text strings.Builder
		line := func(mark, words string) { text.WriteString(mark + printable.Text(words) + "\n") }
		line(marks[f.Level]+f.Check+": ", f.What)
		if f.Level == Warning || f.Level == Problem {
			line("   ", f.Why)
			line("💡 ", f.Do)
		}
		if f.Fix != "" {
			line("🔧 -fix ", f.Fix)
		}
		for _, changed := range f.Changed {
			line("   ", changed)
		}
		if _, err := io.WriteString(w, text.String()); err != nil {
			return err
		}
	}
	if leftOut > 0 {
		what := "1 finding is"
		if leftOut > 1 {
			what = fmt.Sprintf("%d findings are", leftOut)
		}
		_, err := fmt.Fprintf(w, "ℹ️  %s about scripts that no target runs; -all shows them\n", what)
		return err
	}
	return nil
}

// writeJSON writes the findings for programs, as one list.
func writeJSON(w io.Writer, findings []finding) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(findings)
}
