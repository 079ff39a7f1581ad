//go:build !linux

package shape

import "errors"

// Take returns an error: only Linux has all shapes.
func (s Shape) Take(...string) error { return errors.ErrUnsupported }
