// Package netfault tells why a request over the network failed, in a few words that are fit for a log.
// Errors of the standard library may hold what is secret: the query of an address, or the password
// of a proxy.
package netfault

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// Explain returns an error whose text begins with whom was asked, such as "the server", and holds no
// address. Nothing of err can be found in it but the number of an error of the system.
func Explain(whom string, err error) error {
	var number syscall.Errno
	var host *net.DNSError
	var certificate *tls.CertificateVerificationError
	var step *net.OpError
	if errors.As(err, &step) && step.Op == "proxyconnect" {
		whom = "the proxy of " + whom
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New(whom + " did not answer in time")
	case errors.As(err, &number):
		return fmt.Errorf("%s cannot be reached: %w", whom, number)
	case errors.As(err, &host):
		return errors.New(whom + "'s host is not known")
	case errors.As(err, &certificate):
		return errors.New(whom + "'s certificate is not trusted")
	case errors.Is(err, http.ErrSchemeMismatch):
		return errors.New(whom + " speaks HTTP without TLS")
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed):
		return errors.New(whom + " broke off the connection")
	default:
		return errors.New(whom + " cannot be reached")
	}
}
