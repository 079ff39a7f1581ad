package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// mostManifests is how many sets of one weak key are kept.
const mostManifests = 16

// Manifests returns the sets of observed paths that were added for a weak key, the newest
// first. There may be none. A *Miss tells that they cannot be had; damaged ones are
// removed.
func (s *Store) Manifests(weak Key) ([]json.RawMessage, error) {
	text, err := s.readFile(manifests, weak.manifestFile(), largestList+1)
	if err != nil {
		return nil, noneIfAbsent(err)
	}
	var sets []json.RawMessage
	_, err = unseal(text, weak, &sets)
	if errors.Is(err, errFormat) {
		return nil, miss(OtherFormat, "", nil)
	}
	if err == nil && len(sets) > mostManifests {
		err = fmt.Errorf("it has %d sets", len(sets))
	}
	if err != nil {
		s.remove(manifests, weak.manifestFile())
		return nil, miss(Damaged, "", err)
	}
	return sets, nil
}

// noneIfAbsent is nil if nothing was stored yet.
func noneIfAbsent(err error) error {
	if missing(err) {
		return nil
	}
	return miss(Unreadable, "", err)
}

// AddManifest adds a set to those of a weak key, or moves it to the front. If there are
// more than 16 then, or they take more than 16 MB, the oldest go. The set is JSON; two are
// equal if they differ in nothing but blanks. The error is a *NotStored.
func (s *Store) AddManifest(ctx context.Context, weak Key, set json.RawMessage) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, set); err != nil {
		return notStored(Unsuitable, "", err)
	}
	set = compact.Bytes()
	d, err := s.draft(ctx)
	if err != nil {
		return err
	}
	defer d.close()
	unlock, err := s.lock(ctx, d.folder)
	if err != nil {
		return Unwritten(err)
	}
	defer unlock()
	sets, err := s.Manifests(weak)
	var m *Miss
	if errors.As(err, &m) && m.Why == Unreadable {
		return notStored(Unreadable, "", m.Err)
	}
	sets = slices.DeleteFunc(sets, func(other json.RawMessage) bool { return bytes.Equal(other, set) })
	sets = slices.Insert(sets, 0, set)
	sets = sets[:min(len(sets), mostManifests)]
	text, err := seal(&header{Key: weak}, sets, largestList)
	for err != nil && len(sets) > 1 {
		sets = sets[:len(sets)-1]
		text, err = seal(&header{Key: weak}, sets, largestList)
	}
	if err != nil {
		return notStored(Unsuitable, "", err)
	}
	if err := d.write(manifests, text); err != nil {
		return Unwritten(err)
	}
	if err := d.publish(manifests, manifests, weak.manifestFile()); err != nil {
		return Unwritten(err)
	}
	return nil
}
