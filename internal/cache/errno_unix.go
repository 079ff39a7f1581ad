//go:build unix

package cache

import (
	"errors"
	"syscall"
)

const readOnly = syscall.EROFS

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
