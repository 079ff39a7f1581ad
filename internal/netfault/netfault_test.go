package netfault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestExplain(t *testing.T) {
	step := func(op string, err error) error {
		return &url.Error{Op: "Get", URL: "https://me:secret@host/?key=secret", Err: &net.OpError{Op: op, Net: "tcp", Err: err}}
	}
	for _, tt := range []struct {
		claim, want string
		err         error
	}{
		{"nobody listens", "the server cannot be reached: connection refused", step("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED))},
		{"the proxy is named as such", "the proxy of the server cannot be reached: connection refused", step("proxyconnect", os.NewSyscallError("connect", syscall.ECONNREFUSED))},
		{"a host that nobody knows", "the server's host is not known", step("dial", &net.DNSError{Err: "no such host", Name: "secret"})},
		{"a time that is over", "the server did not answer in time", step("read", os.ErrDeadlineExceeded)},
		{"that of a context", "the server did not answer in time", fmt.Errorf("secret: %w", context.DeadlineExceeded)},
		{"a connection that ends", "the server broke off the connection", step("read", io.EOF)},
		{"no TLS", "the server speaks HTTP without TLS", &url.Error{Op: "Get", URL: "secret", Err: http.ErrSchemeMismatch}},
		{"anything else", "the server cannot be reached", errors.New("secret")},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := Explain("the server", tt.err).Error(); got != tt.want || strings.Contains(got, "secret") {
				t.Errorf("it says %q, not %q", got, tt.want)
			}
		})
	}
	if err := Explain("x", step("dial", syscall.ECONNREFUSED)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error("the number of the error cannot be found")
	}
}
