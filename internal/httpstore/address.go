package httpstore

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/nearest"
)

// server returns what an address such as turbo+https://HOST/prefix?team=NAME tells: where the server is,
// and its parameters, of which only some are known.
func server(at *url.URL, known ...string) (*url.URL, url.Values, error) {
	parameters, err := Parameters(at, known...)
	if err != nil {
		return nil, nil, err
	}
	kind, scheme, _ := strings.Cut(at.Scheme, "+")
	if at.Hostname() == "" {
		return nil, nil, fmt.Errorf("it names no server: write %s+%s://HOST", kind, scheme)
	}
	if slices.Contains(strings.Split(at.Path, "/"), "..") {
		return nil, nil, errors.New("its path leads up")
	}
	return (&url.URL{Scheme: scheme, Host: at.Host, Path: at.Path}).JoinPath(), parameters, nil
}

// Parameters returns those of an address, by name. The error tells which one is not known, or stands there
// twice.
func Parameters(at *url.URL, known ...string) (url.Values, error) {
	parameters, err := url.ParseQuery(at.RawQuery)
	if err != nil {
		return nil, errors.New("what follows its ? cannot be read")
	}
	if at.Fragment != "" {
		return nil, errors.New("it has a #")
	}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		if len(known) == 0 {
			return nil, errors.New("it takes no parameters")
		}
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("the parameter %q is not known: %s", name, nearest.Hint(name, known, "known ones"))
		}
		if values := parameters[name]; len(values) > 1 || values[0] == "" {
			return nil, fmt.Errorf("it needs one value for %s", name)
		}
	}
	return parameters, nil
}

// credential returns the first variable that is set, and its value without white space around it, as files
// with secrets have it. A server without TLS gets none, unless it is on this machine.
func credential(at *url.URL, env []string, variables ...string) (string, error) {
	for _, name := range variables {
		token := strings.TrimSpace(environ.Value(env, name))
		if token == "" {
			continue
		}
		if strings.ContainsFunc(token, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }) {
			return "", fmt.Errorf("%s has a character that no credential has", name)
		}
		if at.Scheme == "http" && !isHere(at.Hostname()) {
			return "", fmt.Errorf("without TLS everybody on the way could read %s: use https, or unset it", name)
		}
		return token, nil
	}
	return "", nil
}

// isHere reports whether a host is this machine.
func isHere(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// bearer returns a client that has a token; without one if it is empty.
func bearer(token string) *Client {
	if token == "" {
		return NewClient(nil)
	}
	return NewClient(func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}, token)
}

// basic returns a client that has a user's name and password.
func basic(user, password string) *Client {
	return NewClient(func(r *http.Request) error {
		r.SetBasicAuth(user, password)
		return nil
	}, password, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}
