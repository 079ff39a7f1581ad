package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/problem"
)

// Imported is what Import found.
type Imported struct {
	// Tasks is how many tasks were taken.
	Tasks int
	// Future is how many samples are dated in the future, and Absurd how many have a
	// peak that Options.Machine cannot have. Neither were taken.
	Future, Absurd int
}

// Import adds the samples of an exported file to this history, in memory and on
// disk. Samples that are known already are not added again; the others are sorted in by
// their time. If the file was not written by Export, the error is a *problem.Error with
// its line, and nothing changes. name is the file's.
func (s *Store) Import(name string, text []byte) (Imported, error) {
	found, in, err := s.ReadExport(name, text)
	if err != nil {
		return Imported{}, err
	}
	s.file.Lock()
	defer s.file.Unlock()
	if s.isClosed() {
		return Imported{}, fmt.Errorf("cannot import %s: the history is closed", name)
	}
	if err := s.rewriteLocked(s.patience, func(all *samples) bool { return all.merge(found) }); err != nil {
		return Imported{}, fmt.Errorf("cannot import %s: %w", name, err)
	}
	return in, nil
}

// ReadExport returns the samples of an exported file, those of each task as they stand in it.
// It changes nothing; its errors are those of Import.
func (s *Store) ReadExport(name string, text []byte) (map[string][]estimate.Sample, Imported, error) {
	found, err := parseExport(name, text)
	if err != nil {
		return nil, Imported{}, err
	}
	return found, s.believable(found), nil
}

// believable removes the samples that cannot be true.
func (s *Store) believable(found map[string][]estimate.Sample) (in Imported) {
	latest := time.Now().Add(maxSkew)
	for task, all := range found {
		all = slices.DeleteFunc(all, func(x estimate.Sample) bool {
			switch {
			case x.Time.After(latest):
				in.Future++
			case s.absurd(x.Peak):
				in.Absurd++
			default:
				return false
			}
			return true
		})
		if found[task] = all; len(all) == 0 {
			delete(found, task)
		}
	}
	in.Tasks = len(found)
	return in
}

// merge adds the samples that s does not have, and reports whether there were any.
func (s *samples) merge(found map[string][]estimate.Sample) bool {
	changed := false
	for _, task := range slices.Sorted(maps.Keys(found)) {
		all := s.of(nil, task)
		known := map[string]bool{}
		for _, x := range all {
			known[exportLine(x)] = true
		}
		before := len(all)
		for _, x := range found[task] {
			if key := exportLine(x); !known[key] {
				known[key] = true
				all = append(all, x)
			}
		}
		if len(all) == before {
			continue
		}
		changed = true
		slices.SortStableFunc(all, func(a, b estimate.Sample) int { return a.Time.Compare(b.Time) })
		delete(s.tasks, task)
		for _, x := range all {
			s.add(task, x)
		}
	}
	return changed
}

// notOurs is the message for a file that Export did not write.
const notOurs = "this is not a history that heapmage exported"

// importer reads an exported file. Its errors are *problem.Error.
type importer struct {
	name  string
	text  []byte
	dec   *json.Decoder
	found map[string][]estimate.Sample
}

func parseExport(name string, text []byte) (map[string][]estimate.Sample, error) {
	im := &importer{name: name, text: bytes.TrimPrefix(text, []byte("\uFEFF")), found: map[string][]estimate.Sample{}}
	// The whole text is checked first, so that what follows can only fail for its
	// meaning.
	var all json.RawMessage
	if err := json.Unmarshal(im.text, &all); err != nil {
		at := int64(len(im.text))
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = syntax.Offset - 1
		}
		return nil, im.fail(at, notOurs, err)
	}
	im.dec = json.NewDecoder(bytes.NewReader(im.text))
	if err := im.file(); err != nil {
		return nil, err
	}
	return im.found, nil
}

// fail is an error in the line that has the byte at.
func (im *importer) fail(at int64, what string, cause error) error {
	e := &problem.Error{
		Where: fmt.Sprintf("%s:%d", im.name, 1+bytes.Count(im.text[:min(max(at, 0), int64(len(im.text)))], []byte("\n"))),
		What:  what, Cause: cause, Hint: "export the history again and import that file as it is",
	}
	if bytes.HasPrefix(im.text, []byte("<<<<<<< ")) || bytes.Contains(im.text, []byte("\n<<<<<<< ")) {
		e.Hint = "the file has a merge conflict: keep either side"
	}
	return e
}

// here is an error in the line that was read last.
func (im *importer) here(what string, cause error) error {
	return im.fail(im.dec.InputOffset()-1, what, cause)
}

// expect reads the start or the end of an object or list.
func (im *importer) expect(d json.Delim) error {
	if t, err := im.dec.Token(); err != nil || t != d {
		return im.here(fmt.Sprintf("%s: expected %q", notOurs, d.String()), nil)
	}
	return nil
}

// key reads the next key of an object.
func (im *importer) key() string {
	t, _ := im.dec.Token() // the syntax was checked: it is a key
	key, _ := t.(string)
	return key
}

func (im *importer) file() error {
	if err := im.expect('{'); err != nil {
		return err
	}
	known := false
	for im.dec.More() {
		switch key := im.key(); key {
		case formatKey:
			var version json.RawMessage
			_ = im.dec.Decode(&version)
			if string(version) != fmt.Sprint(formatVersion) {
				return im.here(fmt.Sprintf("format %.20s of the history is unknown to this version, which reads %d", version, formatVersion), nil)
			}
			known = true
		case "tasks":
			if err := im.tasks(); err != nil {
				return err
			}
		default: // of a later version
			var ignored json.RawMessage
			_ = im.dec.Decode(&ignored)
		}
	}
	if !known {
		return im.fail(0, fmt.Sprintf("%s: it has no %q", notOurs, formatKey), nil)
	}
	return nil
}

func (im *importer) tasks() error {
	if err := im.expect('{'); err != nil {
		return err
	}
	for im.dec.More() {
		task := im.key()
		if task == "" || len(task) > maxTask {
			return im.here(fmt.Sprintf("a task cannot have a name of %d bytes", len(task)), nil)
		}
		if err := im.expect('['); err != nil {
			return err
		}
		for im.dec.More() {
			if err := im.sample(task); err != nil {
				return err
			}
		}
		if err := im.expect(']'); err != nil {
			return err
		}
	}
	return im.expect('}')
}

func (im *importer) sample(task string) error {
	if err := im.expect('{'); err != nil {
		return err
	}
	var e exported
	fields := e.fields()
	for im.dec.More() {
		key := im.key()
		var value any
		_ = im.dec.Decode(&value)
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == key })
		if i < 0 { // of a later version
			continue
		}
		text, ok := value.(string)
		if !ok {
			return im.here(fmt.Sprintf("the %s of a sample of %s is not in quotes", key, task), nil)
		}
		*fields[i].value = text
	}
	if err := im.expect('}'); err != nil {
		return err
	}
	x, err := e.sample()
	if err != nil {
		return im.here("a sample of "+task, err)
	}
	im.found[task] = append(im.found[task], x)
	return nil
}
