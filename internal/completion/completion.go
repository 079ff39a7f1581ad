// Package completion has shells complete what follows "mage": targets, their flags, and the
// packages, scripts and tasks of the workspace. It is quick enough for a key press: it reads
// files, and neither starts nor writes anything. Names of targets are Mage's own, from
// "mage -autocomplete", which the shells call.
package completion

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/heapmage/heapmage/internal/printable"
)

// What a shell is to put in the place of a line that is one of these.
const (
	// askTargets stands for the names of the targets. The folder of the magefile follows,
	// and a text that changes with what is there.
	askTargets = ":targets"
	// askFlags stands for the flags of Mage itself.
	askFlags = ":flags"
)

// valued are Mage's own flags that have a value, which may be the next word.
var valued = []string{"-t", "-d", "-w", "-compile", "-gocmd", "-goos", "-goarch", "-ldflags", "-install"}

// candidate is a word that may stand in the place of the one that is being written.
type candidate struct{ word, help string }

// command is the beginning of a command line, up to the word that is being written.
type command struct {
	target string   // the last one; empty before the first
	given  []string // its flags so far: "-workspace"
	dir    string   // of the magefile
	work   string   // in which the targets run
	word   string   // that is being written
	value  bool     // it is the value of a flag of Mage's own
}

// parse reads a line up to the cursor. It returns false for what no shell would run.
func parse(line string) (c command, ok bool) {
	words, err := shellquote.Split(line)
	if err != nil || len(words) == 0 {
		return c, false
	}
	if strings.TrimRight(line, " \t") != line {
		words = append(words, "")
	}
	if len(words) < 2 {
		return c, false // the command itself
	}
	last := len(words) - 1
	c.dir, c.word = ".", words[last]
	for i := 1; i < last; i++ {
		switch w := words[i]; {
		case !strings.HasPrefix(w, "-"):
			c.target, c.given = strings.ToLower(w), nil
		case c.target != "":
			name, _, _ := strings.Cut(w, "=")
			c.given = append(c.given, strings.ToLower(name))
		default:
			name, value, given := strings.Cut("-"+strings.TrimLeft(w, "-"), "=")
			if !given && slices.Contains(valued, name) {
				i++
				c.value = i == last
				value = words[i]
			}
			switch name {
			case "-d":
				c.dir = value
			case "-w":
				c.work = value
			}
		}
	}
	if c.work == "" {
		c.work = c.dir
	}
	return c, true
}

// write prints what may stand in the place of the last word of a line, one candidate a line,
// with a tab and its help behind it.
func write(out io.Writer, targets []target, line string) error {
	c, ok := parse(line)
	if !ok || c.value {
		return nil
	}
	switch name, value, given := strings.Cut(c.word, "="); {
	case !strings.HasPrefix(c.word, "-"):
		_, err := fmt.Fprintf(out, "%s\t%s\t%s\n", askTargets, c.dir, state(c.dir))
		return err
	case c.target == "":
		_, err := fmt.Fprintln(out, askFlags)
		return err
	case given:
		before := value[:strings.LastIndex(value, ",")+1] // several names are separated by commas
		flag := strings.ToLower(strings.TrimLeft(name, "-"))
		return offer(out, name+"="+before, others(values(c.work, flag, value[len(before):]), value))
	}
	var all []candidate
	for _, t := range targets {
		for _, f := range t.flags {
			if strings.EqualFold(t.name, c.target) && strings.HasPrefix(f.word, c.word) && !slices.Contains(c.given, strings.TrimSuffix(f.word, "=")) {
				all = append(all, f)
			}
		}
	}
	return offer(out, "", all)
}

// offer writes candidates behind a prefix. A name that a shell would read as something else
// is left out.
func offer(out io.Writer, prefix string, all []candidate) error {
	for _, c := range all {
		if strings.ContainsFunc(c.word, special) {
			continue
		}
		if _, err := fmt.Fprintf(out, "%s%s\t%s\n", prefix, c.word, printable.Text(c.help)); err != nil {
			return err
		}
	}
	return nil
}

// special reports whether a byte of a name has a meaning to a shell.
func special(r rune) bool {
	return r <= ' ' || strings.ContainsRune("\"'`$&|;<>()[]{}*?!\\~^\x7f", r)
}

// others are the candidates that begin as the last of a list of names and are not among those
// before it.
func others(all []candidate, list string) []candidate {
	names := strings.Split(list, ",")
	last := len(names) - 1
	return slices.DeleteFunc(all, func(c candidate) bool {
		return !strings.HasPrefix(c.word, names[last]) || slices.Contains(names[:last], c.word)
	})
}

// state changes with the magefiles of a folder, so that a shell need not ask for their targets
// each time.
func state(dir string) string {
	full, err := filepath.Abs(dir)
	if err != nil {
		full = dir
	}
	parts := []string{fmt.Sprintf("%q", full)}
	for _, pattern := range []string{"*.go", "magefiles/*.go", "go.mod", "go.work"} {
		files, _ := filepath.Glob(filepath.Join(dir, pattern)) // no pattern is wrong
		for _, file := range files {
			if info, err := os.Stat(file); err == nil {
				parts = append(parts, fmt.Sprint(info.ModTime().UnixNano(), info.Size()))
			}
		}
	}
	return strings.Join(parts, ":")
}
