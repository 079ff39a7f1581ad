package nodeoptions

import (
	"slices"
	"strings"
)

// live splits the words of a NODE_OPTIONS at the first that is neither an option nor the
// value of one: there Node stops reading, and does not say so. dead starts with that word; it
// is empty if Node reads to the end.
func live(words []string) (read, dead []string) {
	for i, w := range words {
		if w == "" || strings.HasPrefix(w, "-") && w != "-" || i > 0 && takesWord(words[i-1]) {
			continue
		}
		return words[:i], words[i:]
	}
	return words, nil
}

// takesWord reports whether the value of an option may be the next word. V8's own options
// do not take one, but the limit of its heap is taken out of NODE_OPTIONS anyway.
func takesWord(option string) bool {
	name, _, hasValue := flagName(option)
	return !hasValue && (boundsHeap(name) || slices.Contains(withValue, name) || strings.HasPrefix(name, "--test-"))
}

// withValue are the options of Node 18 to 26 that NODE_OPTIONS may contain and that have
// a value (node_options.cc).
var withValue = []string{
	"-C", "-r", "--allow-fs-read", "--allow-fs-write", "--conditions", "--debug-port", "--diagnostic-dir",
	"--disable-proto", "--disable-warning", "--dns-result-order", "--es-module-specifier-resolution",
	"--experimental-config-file", "--experimental-default-type", "--experimental-loader", "--experimental-policy",
	"--heapsnapshot-near-heap-limit", "--heapsnapshot-signal", "--icu-data-dir", "--import", "--input-type",
	"--inspect-port", "--inspect-publish-uid", "--loader", "--localstorage-file", "--max-http-header-size",
	"--network-family-autoselection-attempt-timeout", "--openssl-config", "--policy-integrity",
	"--redirect-warnings", "--report-dir", "--report-directory", "--report-filename", "--report-signal",
	"--require", "--secure-heap", "--secure-heap-min", "--title", "--tls-cipher-list", "--tls-keylog",
	"--trace-event-categories", "--trace-event-file-pattern", "--unhandled-rejections", "--use-largepages",
	"--v8-pool-size", "--watch-kill-signal", "--watch-path",
}
