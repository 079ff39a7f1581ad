//go:build unix

package v8heap

import (
	"net"
	"regexp"
)

// changing is what differs between two runs of a program: addresses, process ids,
// times and ports.
var changing = regexp.MustCompile(`\[\d+:0x[0-9a-f]+\]|0x[0-9a-f]+|\d+(\.\d+)? ?ms|duration_ms[: ]+[\d.]+|ws://\S+|\d+\.\d+ \(\d+\.\d+\)|mu = [\d.]+|\d+\.\d+ / \d+\.\d+|\d+\.\d+`)

func dial(s *Server) (net.Conn, error) { return net.Dial("unix", s.socketPath()) }
