package nodeoptions

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/memtools"
)

// Override is what a script does itself about Node's options. It goes before heapmage's
// for the processes that the script starts with it.
type Override struct {
	// Text is the part of the script that does it; empty if a program does.
	Text string
	// HeapLimits are the old-space limits that it sets, each for some of its processes.
	HeapLimits []memtools.Bytes
	// Default is set if some of its processes have V8's own limit, and Unknown if some
	// have one that the text does not tell.
	Default, Unknown bool
}

// Found reports whether there is any.
func (o Override) Found() bool {
	return o.Text != "" || len(o.HeapLimits) > 0 || o.Default || o.Unknown
}

var heapLimitInProgram = regexp.MustCompile(`max[-_]old[-_]space[-_]size\b(?:["'\s]*[=,:]?["'\s]*(\d{1,7})\b)?`)

// OverrideInProgram finds heap limits in a program of any language.
func OverrideInProgram(text string) (o Override) {
	for _, m := range heapLimitInProgram.FindAllStringSubmatch(text, -1) {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			o.HeapLimits = append(o.HeapLimits, memtools.Bytes(n)*memtools.MB)
		} else {
			o.Unknown = true
		}
	}
	return o
}

// OverrideIn finds what a script's text does itself about Node's options, as in "cross-env
// NODE_OPTIONS=--max-old-space-size=8192 tsc". A NODE_OPTIONS is named before a flag.
// total is the memory that a percentage is of.
func OverrideIn(text string, total memtools.Bytes) (found Override) {
	flag := found.read(text, total)
	found.Text = cmp.Or(found.Text, flag)
	return found
}

// Add takes in what another text does.
func (o *Override) Add(other Override) {
	o.Text = cmp.Or(o.Text, other.Text)
	o.HeapLimits = append(o.HeapLimits, other.HeapLimits...)
	o.Default, o.Unknown = o.Default || other.Default, o.Unknown || other.Unknown
}

// read takes in a text and the texts that are quoted in it. It returns the first flag for a
// heap limit, as written.
func (o *Override) read(text string, total memtools.Bytes) (flag string) {
	for _, c := range scripttext.Commands(text) {
		for i, w := range c.Words {
			name, value, hasValue := flagName(w.Text)
			var next scripttext.Word
			if i+1 < len(c.Words) {
				next = c.Words[i+1]
			}
			switch {
			case name == environ.NodeOptions && hasValue && strings.HasPrefix(w.Raw, name):
				o.replace(w.Raw, value, total)
			case slices.Contains(settingFlags, name) && hasValue:
				o.replace(w.Raw, value, total)
			case slices.Contains(settingFlags, name):
				o.replace(w.Raw+" "+next.Raw, next.Text, total)
			case drops(c.Words, i):
				o.replace(w.Raw, "", total)
			case name == oldSpace || name == oldSpacePercent:
				shown, options := w.Raw, []string{w.Text}
				if !hasValue {
					shown, options = shown+" "+next.Raw, append(options, next.Text)
				}
				flag = cmp.Or(flag, shown)
				o.limit(options, total)
			case w.Quoted():
				flag = cmp.Or(flag, o.read(w.Text, total))
			}
		}
	}
	return flag
}

// settingFlags are how a script hands npm or pnpm a setting that replaces NODE_OPTIONS.
var settingFlags = []string{"--node-options", "--config.node-options", "--config.nodeOptions"}

// drops reports whether a word takes NODE_OPTIONS out of the environment: unset NAME,
// env -u NAME, env -i.
func drops(words []scripttext.Word, i int) bool {
	w := words[i].Text
	if i == 0 {
		return false
	}
	first, before := words[0].Text, words[i-1].Text
	return w == environ.NodeOptions && (first == "unset" || before == "-u" || before == "--unset") ||
		w == "--unset="+environ.NodeOptions || first == "env" && (w == "-i" || w == "--ignore-environment")
}

var (
	oursInValue  = regexp.MustCompile(`\$\{?` + environ.NodeOptions + `\b|%` + environ.NodeOptions + `%`)
	variableLeft = regexp.MustCompile("[$`]|%\\w+%")
)

// replace takes in a value of NODE_OPTIONS. One that repeats what was there keeps heapmage's.
func (o *Override) replace(shown, value string, total memtools.Bytes) {
	keeps := oursInValue.MatchString(value)
	words, err := split(value)
	if err != nil {
		return // node refuses it
	}
	read, _ := live(words)
	if keeps {
		read = words // the variable stands for options
	}
	limited := o.limit(read, total)
	if keeps && !limited {
		return
	}
	o.Text = cmp.Or(o.Text, shown)
	switch {
	case limited:
	case variableLeft.MatchString(value):
		o.Unknown = true
	default:
		o.Default = true
	}
}

// limit takes in the heap limit among options, and reports whether there is one.
func (o *Override) limit(options []string, total memtools.Bytes) bool {
	size, err := heapLimitOf(options, total)
	if size > 0 {
		o.HeapLimits = append(o.HeapLimits, size)
	}
	o.Unknown = o.Unknown || err != nil // the value is in a variable
	return size > 0
}
