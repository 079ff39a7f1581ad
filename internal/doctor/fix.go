package doctor

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/workspace"
)

// fix changes one thing, and tells what it has changed. If it fails it has changed nothing.
type fix func() (changed string, err error)

// applyFixes does what each finding's Fix promises. What was fixed gets the level Fixed; what could not
// be keeps its own, with the reason in Do.
func applyFixes(findings []finding) {
	for i := range findings {
		f := &findings[i]
		var failed error
		for _, one := range f.fixes {
			changed, err := one()
			if err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			f.Changed = append(f.Changed, changed)
		}
		switch {
		case len(f.fixes) == 0:
		case failed == nil:
			f.Level, f.Why, f.Do, f.Fix = Fixed, "", "", ""
		default:
			f.Do += fmt.Sprintf(" (-fix could not: %v)", failed)
		}
	}
}

// removeLink removes a symbolic link, and nothing else.
func removeLink(path string) fix {
	return func() (string, error) {
		target, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("removed the link %s, which pointed to %s", path, target), os.Remove(path)
	}
}

// editScript replaces one path in a script of a package, and no other byte of package.json.
func editScript(pkg *workspace.Package, name, from, to string) fix {
	return func() (string, error) {
		file := filepath.Join(pkg.Path, "package.json")
		info, err := os.Lstat(file)
		if err != nil {
			return "", err
		}
		if !info.Mode().IsRegular() {
			return "", &fs.PathError{Op: "edit", Path: file, Err: errors.New("it is not a regular file")}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		edited, err := withScript(text, name, from, to)
		if err != nil {
			return "", &fs.PathError{Op: "edit", Path: file, Err: err}
		}
		return fmt.Sprintf("%s: in the script %s, %s is now %s", path.Join(pkg.Dir, "package.json"), name, from, to), replace(file, edited, info.Mode())
	}
}

// withScript returns the text of a package.json in which a path in a script is another. Its
// comments, spaces and line ends stay.
func withScript(text []byte, name, from, to string) ([]byte, error) {
	mark := []byte("\xef\xbb\xbf")
	body, marked := bytes.CutPrefix(text, mark)
	before, mistake := packagejson.ParseLoose(body)
	if mistake != nil {
		return nil, errors.New(mistake.What)
	}
	value, err := hujson.Parse(bytes.Clone(body))
	if err != nil {
		return nil, err
	}
	script := value.Find("/scripts/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	if script == nil {
		return nil, errors.New("the script is gone")
	}
	literal, ok := script.Value.(hujson.Literal)
	if !ok || bytes.Count(literal, []byte(from)) != 1 {
		return nil, errors.New("the path is not in it exactly once")
	}
	script.Value = hujson.Literal(bytes.Replace(literal, []byte(from), []byte(to), 1))
	edited := value.Pack()
	after, mistake := packagejson.ParseLoose(edited)
	if mistake != nil || after.Scripts[name] != strings.Replace(before.Scripts[name], from, to, 1) || after.Scripts[name] == before.Scripts[name] {
		return nil, errors.New("the script is there twice")
	}
	if marked {
		edited = append(mark, edited...)
	}
	return edited, nil
}

// replace puts a file into the place of another at once.
func replace(path string, text []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".heapmage-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode.Perm()), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is only a copy
	}
	return err
}
