package doctor

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/heapmage/heapmage/internal/printable"
)

var marks = map[Level]string{OK: "✅ ", Warning: "⚠️  ", Problem: "❌ "}

// WriteText writes the findings for people: what was found, and unless all is
// well why it matters and what to do.
func WriteText(w io.Writer, findings []Finding) error {
	for _, f := range findings {
		text := fmt.Sprintf("%s%s: %s\n", marks[f.Level], f.Check, printable.Text(f.What))
		if f.Level != OK {
			text += fmt.Sprintf("   %s\n💡 %s\n", printable.Text(f.Why), printable.Text(f.Do))
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// WriteJSON writes the findings for programs, as one list.
func WriteJSON(w io.Writer, findings []Finding) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(findings)
}
