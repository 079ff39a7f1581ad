package report

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/tally"
)

func TestColour(t *testing.T) {
	for claim, tt := range map[string]struct {
		environ []string
		want    bool
	}{
		"no terminal":                     {nil, false},
		"forced":                          {[]string{"FORCE_COLOR=1"}, true},
		"forced off":                      {[]string{"FORCE_COLOR=0"}, false},
		"NO_COLOR is stronger":            {[]string{"FORCE_COLOR=1", "NO_COLOR=1"}, false},
		"forced with an empty NO_COLOR":   {[]string{"FORCE_COLOR=1", "NO_COLOR="}, true},
		"a dumb terminal is stronger too": {[]string{"FORCE_COLOR=1", "TERM=dumb"}, false},
	} {
		if got := Colour(tt.environ, &bytes.Buffer{}); got != tt.want {
			t.Errorf("%s: %v", claim, got)
		}
	}
}

// TestColoursLeftOn: what a script leaves on colours no line of the log.
func TestColoursLeftOn(t *testing.T) {
	const text = "\x1b[7mit ends reversed\n"
	for _, show := range []Show{Live, Held, Grouped} {
		for _, colour := range []bool{true, false} {
			var b strings.Builder
			c := NewConsole(t.Context(), &b, colour, show)
			log := logOf(t, text)
			out := c.Output("core", log)
			if _, err := io.WriteString(out, text); err != nil {
				t.Fatal(err)
			}
			closed(t, out)
			sink := tally.NewSink(c)
			sink.Take(event.Stamped{Event: finished("core", "build", 1, event.TaskFinished{Status: event.Failed, Reason: "exit code 1", Log: log, Hint: "fix it"})})
			closed(t, c)
			_, after, _ := strings.Cut(b.String(), text)
			if strings.HasPrefix(after, reset) != colour {
				t.Errorf("%v, %v: %q", show, colour, b.String())
			}
		}
	}
}
