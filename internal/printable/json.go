package printable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// JSON returns the JSON of a value, indented, with a line end. What Text escapes is written
// as JSON's own escapes, so that readers get every name as it is, and a terminal or a CI system
// that shows the text does not act on it.
func JSON(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	var b strings.Builder
	bracket := -1 // of a command; only a string has one
	for i, r := range text.String() {
		if n := command(text.Bytes()[i:]); n > 0 {
			bracket = i + n - 1
		}
		switch {
		case i == bracket:
			b.WriteString(`\u005b`)
		case r == '\n' || unicode.IsGraphic(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return []byte(b.String()), nil
}
