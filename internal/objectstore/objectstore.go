// Package objectstore is what a shared cache needs of a place for objects: a folder, or a server.
// A store is not trusted. What it returns is checked by its user (package envelope), and what fails
// there costs time, never a result.
//
// The schemes "file" and those that a magefile imports packages for are known to Open.
package objectstore

import (
	"context"
	"errors"
	"io"
	"regexp"
)

// Store keeps objects by name. Its methods may be called by many goroutines.
//
// An error that is none of those below means that the store failed: it could not be reached, was too
// slow, or answered with what makes no sense. Texts of errors hold no credential, no header and no
// query of an address.
type Store interface {
	// Get opens an object. The error is ErrAbsent if there is none. Close it; what is read from
	// it ends with ctx, and may be anything, of any length.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// Has reports whether there is an object.
	Has(ctx context.Context, name string) (bool, error)
	// Put stores an object whole or not at all. If the store is CreateOnly, one that is there
	// stands, and the error is ErrExists.
	Put(ctx context.Context, name string, c Content) error
	// Traits are what is promised of it.
	Traits() Traits
}

// Traits are what a store promises.
type Traits struct {
	// CreateOnly is set if no object is ever overwritten.
	CreateOnly bool
	// OwnFolder is set for a folder of this machine, to which only those write whom its permissions
	// let: its objects need no signature.
	OwnFolder bool
	// Where names it in messages, without credentials.
	Where string
}

// Content is what Put stores.
type Content struct {
	// Size is its length in bytes.
	Size int64
	// Open opens it from its start. It may be called more than once.
	Open func() (io.ReadCloser, error)
}

// What a store may answer beside failing.
var (
	// ErrAbsent means that there is no such object.
	ErrAbsent = errors.New("it is not there")
	// ErrExists means that there is one already.
	ErrExists = errors.New("it is there already")
	// ErrRefused means that the store lets this credential not do that: asking again is of no use.
	ErrRefused = errors.New("the server refuses the credential")
)

var nameForm = regexp.MustCompile(`^[a-z0-9-]+(/[a-z0-9-]+)*$`)

// ValidName reports whether a name may be one of an object: words of a-z, 0-9 and "-", joined by "/".
// Stores refuse others.
func ValidName(name string) bool { return len(name) <= 200 && nameForm.MatchString(name) }
