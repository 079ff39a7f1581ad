package httpstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/objectstore"
)

// turbo is a server that speaks Turborepo's API for remote caches
// (https://turborepo.dev/docs/openapi), such as Vercel's.
type turbo struct {
	client *Client
	base   *url.URL
	query  string
}

// OpenTurbo opens turbo+https://HOST[/prefix][?team=NAME]. The token and the team can also be those of
// Turborepo's own variables.
func OpenTurbo(at *url.URL, _ string, env []string) (objectstore.Store, error) {
	const team = "team"
	base, parameters, err := server(at, team)
	if err != nil {
		return nil, err
	}
	token, err := credential(base, env, environ.CacheToken, environ.TurboToken)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	set := func(name, value string) {
		if value != "" {
			query.Set(name, value)
		}
	}
	if name := parameters.Get(team); strings.HasPrefix(name, "team_") {
		set("teamId", name)
	} else if name != "" {
		set("slug", name)
	} else {
		set("teamId", environ.Value(env, environ.TurboTeamID))
		set("slug", environ.Value(env, environ.TurboTeam))
	}
	return &turbo{bearer(token), base, query.Encode()}, nil
}

// at is the address of an object. The server sees a digest in the place of the name: servers make paths
// of it, and some would follow "..".
func (t *turbo) at(name string) (string, error) {
	if !objectstore.ValidName(name) {
		return "", invalid(name)
	}
	at := t.base.JoinPath("v8", "artifacts", digest("heapmage\n"+name))
	at.RawQuery = t.query
	return at.String(), nil
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func invalid(name string) error { return fmt.Errorf("%q cannot be the name of an object", name) }

func (t *turbo) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	at, err := t.at(name)
	if err != nil {
		return nil, err
	}
	return t.client.Get(ctx, at)
}

func (t *turbo) Has(ctx context.Context, name string) (bool, error) {
	at, err := t.at(name)
	if err != nil {
		return false, err
	}
	return t.client.Has(ctx, at)
}

func (t *turbo) Put(ctx context.Context, name string, c objectstore.Content) error {
	at, err := t.at(name)
	if err != nil {
		return err
	}
	return t.client.Put(ctx, at, http.Header{"Content-Type": {plainBytes}, "X-Artifact-Duration": {"0"}}, c)
}

// plainBytes is the type of what is stored.
const plainBytes = "application/octet-stream"

func (t *turbo) Traits() objectstore.Traits {
	return objectstore.Traits{Where: "the server " + t.base.Host}
}
