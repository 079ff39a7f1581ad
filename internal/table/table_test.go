package table

import (
	"strings"
	"testing"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

var columns = []Column{{Head: "TASK", Give: 1}, {Head: "NEED"}, {Head: "SCRIPT", Give: 2}, {Head: "AFTER", Give: 2, List: true}}

func write(t *testing.T, width int, rows ...[]string) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, width, columns, rows); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	rows := [][]string{
		{"web#build", "1024.00MB", "tsc -b && vite build --mode production", "core#build, ui#build, icons#build, theme#build"},
		{"印刷#build", "16.00MB", "tsc", ""},
	}
	for _, tt := range []struct {
		claim string
		width int
		want  string
	}{
		{"cuts nothing without a terminal", 0, `
TASK        NEED       SCRIPT                                  AFTER
web#build   1024.00MB  tsc -b && vite build --mode production  core#build, ui#build, icons#build, theme#build
印刷#build  16.00MB    tsc
`},
		{"nor what fits", 200, `
TASK        NEED       SCRIPT                                  AFTER
web#build   1024.00MB  tsc -b && vite build --mode production  core#build, ui#build, icons#build, theme#build
印刷#build  16.00MB    tsc
`},
		{"shortens the widest of the columns that give first, and lists by whole names", 80, `
TASK        NEED       SCRIPT                       AFTER
web#build   1024.00MB  tsc -b && vite build --mod…  core#build, ui#build, …
印刷#build  16.00MB    tsc
`},
		{"cuts a name if not even the first fits", 45, `
TASK        NEED       SCRIPT      AFTER
web#build   1024.00MB  tsc -b &&…  core#buil…
印刷#build  16.00MB    tsc
`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := "\n" + write(t, tt.width, rows...); got != tt.want {
				t.Errorf("got%s\nwant%s", got, tt.want)
			}
		})
	}
}

// TestNoLineIsLonger: whatever the cells, no line is longer than the terminal, if it has room for
// what gives nothing and four cells of all else.
func TestNoLineIsLonger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringOfN(rapid.RuneFrom([]rune("ab, 漢é\u0301👩‍👧-")), 0, 60, -1)
		var rows [][]string
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			rows = append(rows, []string{cell.Draw(t, "task"), "16.00MB", cell.Draw(t, "script"), cell.Draw(t, "after")})
		}
		width := rapid.IntRange(7+3*gap+3*steps[2], 200).Draw(t, "width")
		var b strings.Builder
		if err := Write(&b, width, columns, rows); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if got := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); got > width {
				t.Fatalf("%d cells in a terminal of %d: %q", got, width, line)
			}
		}
	})
}
