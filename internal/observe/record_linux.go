//go:build amd64 || arm64

package observe

import (
	"maps"
	"slices"
)

// record is the observation as it grows.
type record struct {
	files       map[string]*File
	incomplete  map[string]bool
	disturbed   string
	asked       map[string]bool
	connections map[string]bool
	// bound are addresses on which processes of the tree listen, or may.
	bound map[string]bool
}

func newRecord() *record {
	return &record{files: map[string]*File{}, incomplete: map[string]bool{}, asked: map[string]bool{}, connections: map[string]bool{}, bound: map[string]bool{}}
}

// file returns what is known of a path. met is called if it is new.
func (r *record) file(path string, met func() File) *File {
	f := r.files[path]
	if f == nil {
		first := met()
		f = &first
		r.files[path] = f
	}
	return f
}

func (r *record) misses(why string) { r.incomplete[why] = true }

// result is a copy of the record.
func (r *record) result() Observation {
	o := Observation{Files: make(map[string]File, len(r.files)), Disturbed: r.disturbed,
		Incomplete: slices.Sorted(maps.Keys(r.incomplete)), Asked: slices.Sorted(maps.Keys(r.asked)), Connections: slices.Sorted(maps.Keys(r.connections))}
	for path, f := range r.files {
		o.Files[path] = *f
	}
	return o
}
