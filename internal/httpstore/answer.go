package httpstore

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/objectstore"
	"github.com/heapmage/heapmage/internal/printable"
)

// answer is one whose body is read under the watch of its request. Close it.
type answer struct {
	*http.Response
	watch      *watch
	authorized bool // with a credential
	release    func()
	closed     sync.Once
}

func (a *answer) Read(p []byte) (int, error) {
	a.watch.timer.Reset(a.watch.patience)
	n, err := a.Body.Read(p)
	a.watch.timer.Stop()
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return n, a.watch.why(err)
}

func (a *answer) Close() error {
	a.closed.Do(func() {
		_ = a.Body.Close() // it was only read
		a.watch.end()
		a.release()
	})
	return nil
}

// verdict is what an answer means for a request of a method: nil if it succeeded.
func (c *Client) verdict(method string, a *answer) error {
	switch code := a.StatusCode; {
	case code == http.StatusOK, method == http.MethodPut && (code == http.StatusCreated || code == http.StatusAccepted || code == http.StatusNoContent):
		if packed := a.Header.Get("Content-Encoding"); method == http.MethodGet && packed != "" && !strings.EqualFold(packed, "identity") {
			return errors.New("the server has packed the object, which was not asked for")
		}
		return nil
	case code == http.StatusUnauthorized, code == http.StatusForbidden,
		code == http.StatusBadRequest && !a.authorized: // turborepo-remote-cache, without a token
		return &refusal{a.authorized, c.told(a)}
	case method == http.MethodPut && (code == http.StatusConflict || code == http.StatusPreconditionFailed):
		return objectstore.ErrExists
	case method != http.MethodPut && code == http.StatusNotFound:
		if text := c.told(a); strings.Contains(text, noBucket) {
			return errors.New("the server answered " + text)
		}
		return objectstore.ErrAbsent
	default:
		return errors.New("the server answered " + c.told(a))
	}
}

// noBucket is what S3 tells of an address whose bucket is not there: no object will ever be.
const noBucket = "NoSuchBucket"

// refusal is an ErrRefused.
type refusal struct {
	authorized bool
	told       string
}

func (r *refusal) Error() string {
	if r.authorized {
		return "the server refuses the credential: it answered " + r.told
	}
	return "the server asks for a credential, and none is set: it answered " + r.told
}

func (r *refusal) Is(err error) bool { return err == objectstore.ErrRefused }

// The bounds of what is read and shown of an answer to a request that failed, in bytes.
const (
	longestText   = 16 << 10
	longestReason = 160
)

// told is the status of an answer, and the reason that the server gives if it does in a way that is known.
func (c *Client) told(a *answer) string {
	text, _ := io.ReadAll(io.LimitReader(a, longestText)) // if it is cut, it may say nothing
	status := fmt.Sprint(a.StatusCode)
	if name := http.StatusText(a.StatusCode); name != "" {
		status += " " + name
	}
	said := strings.Join(strings.Fields(reason(a.Header.Get("Content-Type"), text)), " ")
	for _, secret := range c.secrets {
		if repeats(said, secret) {
			return status
		}
	}
	if said == "" || strings.HasSuffix(status, said) {
		return status
	}
	if len(said) > longestReason {
		said = strings.ToValidUTF8(said[:longestReason], "") + "…"
	}
	return status + ": " + printable.Name(said)
}

// repeats reports whether a text holds a secret, or a part of it that is worth hiding: some servers show the
// beginning of a token that they refuse.
func repeats(text, secret string) bool {
	const part = 8
	if len(secret) <= part {
		return secret != "" && strings.Contains(text, secret)
	}
	for at := range len(secret) - part + 1 {
		if strings.Contains(text, secret[at:at+part]) {
			return true
		}
	}
	return false
}

// reason finds the words of a server in the body of an answer: as JSON (Vercel, turborepo-remote-cache),
// as XML (S3), or as plain text.
func reason(contentType string, text []byte) string {
	kind, _, _ := mime.ParseMediaType(contentType)
	switch {
	case strings.HasSuffix(kind, "json"):
		var said struct {
			Message string
			Error   json.RawMessage
		}
		var inner struct{ Message, Code string }
		var word string
		if json.Unmarshal(text, &said) != nil {
			return ""
		}
		if json.Unmarshal(said.Error, &inner) == nil && inner != struct{ Message, Code string }{} {
			return strings.TrimPrefix(inner.Code+": "+inner.Message, ": ")
		}
		_ = json.Unmarshal(said.Error, &word) // it is no text otherwise
		return cmp.Or(said.Message, word)
	case strings.HasSuffix(kind, "xml"):
		var said struct{ Code, Message string }
		if xml.Unmarshal(text, &said) != nil {
			return ""
		}
		return strings.TrimPrefix(said.Code+": "+said.Message, ": ")
	case kind == "text/plain":
		line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
		return string(line)
	}
	return ""
}
