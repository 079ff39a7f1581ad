package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/event"
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

// skipped is "package: web (core failed)". A script that is not of the usual target is
// named: "package: web (generate of core failed)".
func skipped(e event.TaskSkipped) string {
	what := "package: " + e.Label
	if _, known := verbs[e.Target]; !known {
		what = e.Target + " of " + what
	}
	if e.Because == nil {
		return what + " (the run ended before it)"
	}
	if e.Because.Target == e.Target {
		return what + " (" + e.Because.Label + " failed)"
	}
	return fmt.Sprintf("%s (%s of %s failed)", what, e.Because.Target, e.Because.Label)
}

// inPlace tells how a result that was known came into place.
func inPlace(e event.TaskKnown) string {
	if e.Written == 0 {
		return "is up to date"
	}
	if e.Shared {
		return "restored from shared cache"
	}
	return "restored from cache"
}

// title is a target at the start of a sentence: "Build".
func title(target string) string {
	if target == "" { // the beginning of the record is lost
		return "Run"
	}
	return strings.ToUpper(target[:1]) + target[1:]
}

// seconds formats d as the log does: "12.34s".
func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

// usage formats "512.34MB / 8192.00MB (6%)".
func usage(used, budget memtools.Bytes) string {
	return fmt.Sprintf("%v / %v (%d%%)", used, budget, used.Percent(budget))
}
