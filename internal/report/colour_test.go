package report

import (
	"bytes"
	"testing"
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
