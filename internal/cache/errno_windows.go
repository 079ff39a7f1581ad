package cache

import (
	"errors"

	"golang.org/x/sys/windows"
)

const readOnly = windows.ERROR_WRITE_PROTECT

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
