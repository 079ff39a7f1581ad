package jsonc

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/heapmage/heapmage/internal/problem"
)

// ReadData reads a file that is JSON, or JavaScript that only exports an object. It returns
// nil if there is none, or if it is a program.
func ReadData(root, name string) (*Document, error) {
	text, err := readText(root, name)
	if text == nil || err != nil {
		return nil, err
	}
	if !strings.HasSuffix(name, "js") {
		return Parse(name, text)
	}
	object, ok := literal(string(text))
	if !ok {
		return nil, nil
	}
	d, err := Parse(name, []byte(object))
	if p, ok := errors.AsType[*problem.Error](err); ok && p.Cause != nil {
		return nil, nil //nolint:nilerr // what is no JSON is a program
	}
	return d, err
}

// exports are the ways in which a JavaScript file gives one object to its reader: directly,
// or through a variable.
var exports = []*regexp.Regexp{
	regexp.MustCompile(`^(?:module\.exports|exports\.default)\s*=\s*({[\s\S]*})\s*;?\s*$`),
	regexp.MustCompile(`^export\s+default\s+({[\s\S]*})\s*;?\s*$`),
	regexp.MustCompile(`^(?:const|let|var)\s+\w+\s*=\s*({[\s\S]*?})\s*;?\s*(?:module\.exports\s*=|export\s+default)\s*\w+\s*;?\s*$`),
}

// useless begins a file without changing what it means.
var useless = regexp.MustCompile(`^\s*(?:(?:"use strict"|'use strict')\s*;?\s*)*`)

// literal returns the object that a JavaScript file exports, as JSON whose lines are those
// of the file. ok is false if the file is a program: if a part of the object has to be
// computed.
func literal(text string) (object string, ok bool) {
	plain, ok := jsonOf(text)
	if !ok {
		return "", false
	}
	start := len(useless.FindString(plain))
	for _, e := range exports {
		if at := e.FindStringSubmatchIndex(plain[start:]); at != nil {
			lines := strings.Count(plain[:start+at[2]], "\n")
			return strings.Repeat("\n", lines) + plain[start+at[2]:start+at[3]], true
		}
	}
	return "", false
}

var (
	comment = regexp.MustCompile(`^(?://[^\n]*|/\*[\s\S]*?\*/)`)
	word    = regexp.MustCompile(`^[A-Za-z_$][\w$.]*`)
	key     = regexp.MustCompile(`^\s*:`)
)

// jsonOf writes what is data in a JavaScript text as JSON has it: texts in double quotes,
// keys in quotes, no comments. Other words stay as they are. ok is false for what is in no
// literal, such as a template with values in it.
func jsonOf(text string) (plain string, ok bool) {
	var b strings.Builder
	for len(text) > 0 {
		n := 1
		switch c := text[0]; {
		case c == '"' || c == '\'' || c == '`':
			var value string
			if value, n, ok = quotedText(text); !ok {
				return "", false
			}
			quoted, _ := json.Marshal(value) // a text always can
			b.Write(quoted)
		case comment.MatchString(text):
			n = len(comment.FindString(text))
			b.WriteString(" " + strings.Repeat("\n", strings.Count(text[:n], "\n")))
		case word.MatchString(text):
			n = len(word.FindString(text))
			switch w := text[:n]; {
			case key.MatchString(text[n:]):
				b.WriteString(`"` + w + `"`)
			case w == "undefined":
				b.WriteString("null")
			default:
				b.WriteString(w)
			}
		default:
			b.WriteByte(c)
		}
		text = text[n:]
	}
	return b.String(), true
}

// quotedText reads the text in quotes that another begins with.
func quotedText(text string) (value string, length int, ok bool) {
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return b.String(), i + 1, true
		case c == '\n' && quote != '`', c == '$' && quote == '`' && strings.HasPrefix(text[i:], "${"):
			return "", 0, false
		case c == '\\' && i+1 < len(text):
			i++
			at := strings.IndexByte(`'"\/`+"`nrt", text[i])
			if at < 0 {
				return "", 0, false // no name needs it
			}
			b.WriteByte((`'"\/` + "`\n\r\t")[at])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, false
}
