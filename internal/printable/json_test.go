package printable

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	const name = "a\x1b[2J\u009b1m\u202e\U000e0001##[error]##vso[<b>&&\u2028\"é漢🎁"
	text, err := JSON(map[string]string{"name": name})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("gives back every name as it is", func(t *testing.T) {
		var got map[string]string
		if err := json.Unmarshal(text, &got); err != nil || got["name"] != name {
			t.Errorf("got %q, %v", got["name"], err)
		}
	})
	t.Run("has nothing that a terminal or a CI system acts on", func(t *testing.T) {
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSuffix(line, "\n"); Text(line) != line {
				t.Errorf("%q", line)
			}
		}
	})
	t.Run("leaves what is harmless", func(t *testing.T) {
		if !strings.Contains(string(text), `<b>&&`) || !strings.Contains(string(text), `é漢🎁`) {
			t.Error(string(text))
		}
	})
}
