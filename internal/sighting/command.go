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
	secretFlag  = lazyregexp.New(`(?i)^--?[\w.:-]*(?:token|secret|passw|pwd|api-?key|auth|credential|private-?key)[\w.:-]*(=|$)`)
	secretValue = lazyregexp.New(`^(?:gh[a-z]_|github_pat_|glpat-|npm_|xox[a-z]-|sk-|AKIA|eyJ[\w-]+\.)\w{10}`)
	userinfo    = lazyregexp.New(`://[^/@\s]+@`)
	temporary   = lazyregexp.New(`^(?:/private)?(?:/tmp|/var/tmp|/var/folders|/dev/shm)/`)
	installed   = lazyregexp.New(`^(.*?)(/?(?:[^/\s=]*/)*node_modules/(?:\.bin/|.*node_modules/)?)`)
)

// identity writes commands as text that is the same in each run and on each machine. folder is
// the absolute folder that paths are relative to.
func identity(commands [][]string, folder string) string {
	var all []string
	for _, words := range commands {
		var text strings.Builder
		hide := false
		for i, w := range plain(words) {
			switch {
			case hide:
				w, hide = "…", false
			case secretFlag().MatchString(w):
				flag, _, given := strings.Cut(w, "=")
				if w, hide = flag, !given; given {
					w += "=…"
				}
			case secretValue().MatchString(w):
				w = "…"
			default:
				w = userinfo().ReplaceAllString(place(w, folder), "://…@")
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

// place writes an absolute path in a word relative to the folder. One that is elsewhere loses
// its folder, which differs between machines.
func place(word, folder string) string {
	flag, file := "", word
	if before, after, ok := strings.Cut(word, "="); ok && strings.HasPrefix(after, "/") {
		flag, file = before+"=", after
	}
	if !filepath.IsAbs(file) || strings.ContainsAny(file, " \n") {
		return word
	}
	if rel, err := filepath.Rel(folder, file); err == nil && !temporary().MatchString(file) && strings.Count(rel, "..") < 4 {
		return flag + filepath.ToSlash(rel)
	}
	if temporary().MatchString(file) && !strings.HasPrefix(file, folder+"/") {
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
