package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// verb is how the log speaks of a target.
type verb struct {
	emoji string // with the spaces that follow it
	doing string // "Building package"
}

var verbs = map[string]verb{
	"build":     {"📦 ", "Building package"},
	"typecheck": {"🔎 ", "Type-checking package"},
	"test":      {"🧪 ", "Testing package"},
	"lint":      {"🧹 ", "Linting package"},
	"clean":     {"🗑️  ", "Cleaning package"},
	"bundle":    {"🎁 ", "Bundling"},
}

func verbFor(target string) verb {
	if v, ok := verbs[target]; ok {
		return v
	}
	return verb{"🔧 ", "Running " + target + " of package"}
}

// title is a target as it begins a sentence: "Build".
func title(target string) string { return strings.ToUpper(target[:1]) + target[1:] }

// seconds formats d as the log does: "12.34s".
func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

// usage formats "512.34MB / 8192.00MB (6%)".
func usage(used, budget memtools.Bytes) string {
	return fmt.Sprintf("%v / %v (%d%%)", used, budget, used.Percent(budget))
}

// plural is "1 package" or "3 packages".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
