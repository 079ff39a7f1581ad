//go:build unix && !linux && !darwin

package proc

import "os"

func executablePath(int) string { return "" }

func selfPath() (string, error) { return os.Executable() }
