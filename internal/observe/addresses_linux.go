//go:build amd64 || arm64

package observe

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/proctable"
)

// address notes where a process listens, or whom it asks. Who answers on this machine may
// read files for it.
func (t *tracer) address(n *notification, c call) {
	raw := make([]byte, min(n.args[2], unix.SizeofSockaddrUnix))
	if len(raw) < 2 || n.args[1] == 0 {
		return
	}
	if k, err := memory(n.pid, n.args[1], raw); k < len(raw) && err != nil {
		return // the kernel cannot read it either
	}
	if !valid(t.listener, n.id) {
		return
	}
	switch family := binary.LittleEndian.Uint16(raw); family {
	case unix.AF_UNIX:
		t.unixAddress(n, c, raw[2:])
	case unix.AF_INET, unix.AF_INET6:
		if addr, ok := inet(family, raw); ok {
			t.inetAddress(n, c, addr)
		}
	}
}

func (t *tracer) unixAddress(n *notification, c call, name []byte) {
	var key string
	switch {
	case len(name) == 0:
		return
	case name[0] == 0:
		key = "@" + string(bytes.TrimRight(name[1:], "\x00"))
	default:
		path, _, _ := bytes.Cut(name, []byte{0})
		dir, err := os.Readlink(descriptorLink(n.pid, unix.AT_FDCWD))
		if err != nil {
			return
		}
		p, ok := t.resolver.resolve(own(n.pid, dir, string(path)), true)
		if !ok {
			return
		}
		key = p.path
		if c.action == listens {
			t.write(key, t.record.file(key, func() File { return fileOf(p) }))
		} else if !p.found {
			t.record.file(key, func() File { return File{} })
			return
		}
	}
	if c.action == listens {
		t.record.bound[key] = true
	} else if !t.record.bound[key] {
		t.record.asked[key] = true
	}
}

// dnsPort is that of name servers, which read no files of the workspace.
const dnsPort = 53

func (t *tracer) inetAddress(n *notification, c call, addr netip.AddrPort) {
	switch {
	case c.action == listens:
		t.record.bound[portKey(addr.Port())] = true
		return
	case !addr.Addr().IsLoopback() && !addr.Addr().IsUnspecified():
		if addr.Port() != dnsPort && addr.Port() != 0 { // with port 0 it asks for a route
			t.record.connections[addr.String()] = true
		}
	case addr.Port() != dnsPort && addr.Port() != 0 && !t.mayBind(addr.Port()) && proctable.Listening(n.pid, addr.Port()):
		t.record.asked[addr.String()] = true
	}
}

func portKey(port uint16) string { return "port " + strconv.Itoa(int(port)) }

// mayBind reports whether a process of the tree may have a port: it asked for that one, or
// for any.
func (t *tracer) mayBind(port uint16) bool {
	const usualFirst = 32768
	return t.record.bound[portKey(port)] || t.record.bound[portKey(0)] && port >= usualFirst
}

func inet(family uint16, raw []byte) (netip.AddrPort, bool) {
	if family == unix.AF_INET && len(raw) >= unix.SizeofSockaddrInet4 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[4:8])), binary.BigEndian.Uint16(raw[2:])), true
	}
	if family == unix.AF_INET6 && len(raw) >= unix.SizeofSockaddrInet6 {
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(raw[8:24])).Unmap(), binary.BigEndian.Uint16(raw[2:])), true
	}
	return netip.AddrPort{}, false
}
