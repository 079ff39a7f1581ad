package sighting

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/heapmage/heapmage/internal/lazyregexp"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/scripttext"
)

// longestCommand bounds Unit.Command in bytes.
const longestCommand = 200

var (
	secretName  = lazyregexp.New(`(?i)token|secret|passw|pwd|api[-_]?key|private[-_]?key|credential|cookie|(?:^|[-_.:])auth(?:orization)?(?:[-_.:]|$)`)
	option      = lazyregexp.New(`^-[\w.:-]*$`)
	setting     = lazyregexp.New(`^([\w.:-]+)([=:])`)
	secretValue = lazyregexp.New(`^(?:gh[a-z]_|github_pat_|glpat-|npm_|xox[a-z]-|sk-|AKIA|eyJ[\w-]+\.)\w{10}`)
	userinfo    = lazyregexp.New(`://[^/@\s]+@`)
	temporary   = lazyregexp.New(`^(?:/private)?(?:/tmp|/var/tmp|/var/folders|/dev/shm)/`)
)

// identity writes commands as text that is the same in each run and on each machine. Paths below
// the workspace's root are relative to folder.
func identity(commands [][]string, folder, root string) string {
	var all []string
	for _, words := range commands {
		var text strings.Builder
		hide := false
		for i, w := range plain(words) {
			switch {
			case hide:
				w, hide = "…", false
			case i > 0:
				w, hide = open(w)
				w = place(w, folder, root)
			}
			if i > 0 {
				text.WriteByte(' ')
			}
			text.WriteString(scripttext.Quote(w))
		}
		if text.Len() > 0 {
			all = append(all, text.String())
		}
	}
	return bounded(printable.Text(strings.Join(all, "; ")))
}

// open returns an argument without what looks like a secret, and whether the next one does.
func open(word string) (shown string, next bool) {
	if m := setting().FindStringSubmatch(word); m != nil && secretName().MatchString(m[1]) {
		return m[0] + "…", false // --token=x, TOKEN=x, Authorization: x
	}
	if option().MatchString(word) {
		return word, secretName().MatchString(word)
	}
	if secretValue().MatchString(word) {
		return "…", false
	}
	return userinfo().ReplaceAllString(word, "://…@"), false
}

// plain removes from a command what differs between the ways to start one program: wrappers,
// the interpreter of an installed tool, and its folder.
func plain(words []string) []string {
	words = unwrap(words)
	if len(words) == 0 {
		return nil
	}
	name := base(words[0])
	if !interpreters.has(name) {
		return append([]string{tool(words[0])}, words[1:]...)
	}
	file := script(words)
	switch {
	case file == nil: // an expression
		return append([]string{name}, words[1:]...)
	case inNodeModules().MatchString(file[0]):
		return append([]string{tool(file[0])}, file[1:]...)
	}
	// The interpreter's own flags are left out: a heap limit makes no other task.
	return append([]string{name}, file...)
}

// tool returns the name under which an installed tool is called.
func tool(file string) string {
	name := base(file)
	if m := inNodeModules().FindStringSubmatch(filepath.ToSlash(file)); m != nil {
		switch name {
		case "cli", "index", "main", "bin", "run", "start":
			name = path.Base(m[2])
		}
		return name
	}
	if path.IsAbs(file) {
		return name
	}
	return file
}

// place writes an absolute path below root in a word relative to folder. One that is elsewhere
// loses its folder, which differs between machines, and a temporary file its name, too.
func place(word, folder, root string) string {
	flag, file := "", word
	if before, after, ok := strings.Cut(word, "="); ok && strings.HasPrefix(after, "/") {
		flag, file = before+"=", after
	}
	if !filepath.IsAbs(file) || strings.ContainsAny(file, " \n") {
		return word
	}
	if below, err := filepath.Rel(root, file); err == nil && filepath.IsLocal(below) {
		if rel, err := filepath.Rel(folder, file); err == nil {
			return flag + filepath.ToSlash(rel)
		}
	}
	if temporary().MatchString(file) {
		return flag + "<temp>"
	}
	return flag + path.Base(file)
}

// bounded cuts a text; the end of a long one is a digest of all of it.
func bounded(text string) string {
	if len(text) <= longestCommand {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	digest := "…" + hex.EncodeToString(sum[:4])
	cut := longestCommand - len(digest)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + digest
}
