package runpage

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/internal/timeline"
)

// TestBrowser looks at pages in Chromium: browsertest/check.mjs has the claims. CHROMIUM names
// the program if it is not on the path.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chromium; left out with -short")
	}
	chromium := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); chromium == "" && err == nil {
			chromium = path
		}
	}
	if chromium == "" {
		testkit.UnlessCI(t, "there is no chromium (apt-get install chromium, or set CHROMIUM to the program)")
	}
	check := testkit.Script(t, "browsertest", "check.mjs")

	dir := t.TempDir()
	page := func(name string, r Run, o Options) string {
		testkit.Write(t, dir, name, render(t, r, o))
		return filepath.Join(dir, name)
	}
	before := short(1).run("1")
	whole := timeline.Read(short(2))
	name := bytes.Repeat([]byte("x"), 214) // npm allows no longer one
	long := Run{"5", timeline.Read(bytes.NewReader(bytes.ReplaceAll(short(2).Bytes(), []byte("web"), name)))}
	long.Run.Target = string(name)
	input := map[string]any{
		"chromium": chromium,
		"short":    page("short.html", Run{"2", whole}, Options{Lines: []string{"3 tasks succeeded"}}),
		"compare":  page("compare.html", short(2).run("2"), Options{Compare: &before}),
		"many":     page("many.html", many(5000).run("3"), Options{}),
		"long":     page("long.html", long, Options{Compare: &long}),
		"empty":    page("empty.html", (&record{}).run("4"), Options{}),
		"samples":  whole.Samples, "start": whole.Start,
	}
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "node", check)
	c.Stdin = bytes.NewReader(text)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		t.Errorf("%v\n%s", err, complaints.Bytes())
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var result struct{ Claim, Fault string }
		if err := json.Unmarshal(lines.Bytes(), &result); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		t.Run(result.Claim, func(t *testing.T) {
			if result.Fault != "" {
				t.Error(result.Fault)
			}
		})
	}
}
