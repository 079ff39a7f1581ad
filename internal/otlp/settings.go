package otlp

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
)

// Settings are those of OpenTelemetry's variables that concern what is sent.
type Settings struct {
	// Resource has the attributes of what sends.
	Resource []attribute
	// Parent is the span that a run belongs to.
	Parent Parent
}

// Parent is a span of another program. The zero value is none.
type Parent struct {
	TraceID, SpanID string
	// Unsampled is set if its trace is not recorded.
	Unsampled bool
}

// ReadSettings reads the settings of an environment. What is written wrongly there counts as
// not set, as OpenTelemetry has it.
func ReadSettings(env []string) Settings {
	service := "heapmage"
	var s Settings
	pairs, _ := pairsOf(environ.Value(env, environ.OTelResource))
	for _, p := range pairs {
		if p.Name == "service.name" {
			service = p.Value
			continue
		}
		s.Resource = append(s.Resource, text(p.Name, p.Value))
	}
	if name := environ.Value(env, environ.OTelService); name != "" {
		service = name
	}
	s.Resource = append([]attribute{text("service.name", service)}, s.Resource...)
	s.Parent = parentOf(environ.Value(env, environ.TraceParent))
	return s
}

// parentOf reads a header of W3C Trace Context, of version 0 or a later one.
func parentOf(header string) Parent {
	f := strings.Split(strings.TrimSpace(header), "-")
	if len(f) < 4 || len(f) > 4 && f[0] == "00" || !isHex(f[0], 2) || f[0] == "ff" || !isHex(f[1], 32) || !isHex(f[2], 16) || !isHex(f[3], 2) {
		return Parent{}
	}
	if strings.Trim(f[1], "0") == "" || strings.Trim(f[2], "0") == "" {
		return Parent{}
	}
	flags, _ := strconv.ParseUint(f[3], 16, 8)
	return Parent{TraceID: f[1], SpanID: f[2], Unsampled: flags&1 == 0}
}

func isHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}

// Pair is a header.
type Pair struct{ Name, Value string }

// isHeader reports whether HTTP allows it.
func (p Pair) isHeader() bool {
	return !strings.ContainsFunc(p.Name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) }) &&
		!strings.ContainsFunc(p.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// pairsOf reads "name=value,name=value", as W3C Baggage has it.
func pairsOf(list string) (pairs []Pair, ok bool) {
	for part := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, found := strings.Cut(part, "=")
		value, _, _ = strings.Cut(value, ";") // properties
		name, err := url.PathUnescape(strings.TrimSpace(name))
		value, err2 := url.PathUnescape(strings.TrimSpace(value))
		if !found || name == "" || err != nil || err2 != nil {
			return nil, false
		}
		pairs = append(pairs, Pair{name, value})
	}
	return pairs, true
}

// Target is where the requests of one signal go.
type Target struct {
	Signal  string // "traces" or "metrics"
	URL     string
	Headers []Pair
	// Timeout bounds each request; zero means that the variables set none.
	Timeout time.Duration
}

// Targets returns where an environment wants traces and metrics: nowhere if it names no
// endpoint. An error names a variable and never its value, which may be secret.
func Targets(env []string) ([]Target, error) {
	if strings.EqualFold(environ.Value(env, environ.OTelDisabled), "true") {
		return nil, nil
	}
	var all []Target
	for _, signal := range []string{"traces", "metrics"} {
		t, err := targetOf(env, signal)
		if err != nil {
			return nil, err
		}
		if t.URL != "" {
			all = append(all, t)
		}
	}
	return all, nil
}

func targetOf(env []string, signal string) (t Target, err error) {
	value := func(name string) string {
		return strings.TrimSpace(environ.Value(env, strings.ReplaceAll(name, "*", strings.ToUpper(signal))))
	}
	// either is a variable of the signal, or else of all.
	either := func(of, all string) (name, text string) {
		if text := value(of); text != "" {
			return strings.ReplaceAll(of, "*", strings.ToUpper(signal)), text
		}
		return all, value(all)
	}
	t.Signal = signal
	name, endpoint := either(environ.OTLPEndpointOf, environ.OTLPEndpoint)
	if endpoint == "" || value(environ.OTelExporter) == "none" {
		return t, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return t, fmt.Errorf("%s is not an address such as http://localhost:4318", name)
	}
	if name == environ.OTLPEndpoint {
		u = u.JoinPath("v1", signal)
	}
	if protocol, text := either(environ.OTLPProtocolOf, environ.OTLPProtocol); text != "" && text != "http/json" {
		return t, fmt.Errorf("%s asks for another protocol than http/json", protocol)
	}
	if name, text := either(environ.OTLPHeadersOf, environ.OTLPHeaders); text != "" {
		headers, ok := pairsOf(text)
		if !ok {
			return t, fmt.Errorf("%s is not a list such as name=value,name=value", name)
		}
		if slices.ContainsFunc(headers, func(p Pair) bool { return !p.isHeader() }) {
			return t, fmt.Errorf("%s has a name or a value that HTTP does not allow", name)
		}
		t.Headers = headers
	}
	if name, text := either(environ.OTLPTimeoutOf, environ.OTLPTimeout); text != "" {
		ms, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return t, fmt.Errorf("%s is not a number of milliseconds", name)
		}
		t.Timeout = time.Duration(ms) * time.Millisecond
	}
	t.URL = u.String()
	return t, nil
}
