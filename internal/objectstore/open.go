package objectstore

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/problem"
)

// Opener opens the store at an address. root is the workspace's folder; credentials come from env
// alone. The error tells what is wrong with the address, and repeats no password.
type Opener func(at *url.URL, root string, env []string) (Store, error)

// openers are by scheme.
var openers = map[string]Opener{"file": openFolder}

// Register makes a scheme known. It is for init functions.
func Register(scheme string, open Opener) { openers[scheme] = open }

// imports are the packages that make other schemes known.
var imports = map[string]string{
	"turbo+https": "mage/remote", "turbo+http": "mage/remote", "bazel+https": "mage/remote", "bazel+http": "mage/remote",
	"s3": "mage/s3",
}

// Open opens the store at an address. It reaches for no server. The error is a *problem.Error.
func Open(address, root string, env []string) (Store, error) {
	where := "cache.remote"
	if environ.Value(env, environ.CacheRemote) != "" {
		where = environ.CacheRemote
	}
	at, err := url.Parse(address)
	if err != nil {
		return nil, &problem.Error{Where: where, What: "is no address", Hint: forms}
	}
	if at.User != nil {
		return nil, &problem.Error{Where: where, What: "holds a user or a password", Hint: "credentials come from the environment only: HEAPMAGE_CACHE_TOKEN"}
	}
	open := openers[at.Scheme]
	if open == nil {
		if from, ok := imports[at.Scheme]; ok {
			return nil, &problem.Error{Where: where, What: at.Scheme + ":// is not compiled into these targets",
				Hint: fmt.Sprintf("add this import to the magefile: _ \"github.com/heapmage/heapmage/%s\"", from)}
		}
		if path.IsAbs(address) {
			return nil, &problem.Error{Where: where, What: "is a path, not an address", Hint: "a folder is written as file://" + address}
		}
		hint := nearest.Hint(at.Scheme, append(slices.Sorted(maps.Keys(imports)), "file"), "known ones")
		if strings.HasPrefix(at.Scheme, "http") || at.Scheme == "" {
			hint = forms
		}
		return nil, &problem.Error{Where: where, What: fmt.Sprintf("the scheme %q is not known", at.Scheme), Hint: hint}
	}
	store, err := open(at, root, env)
	if err != nil {
		return nil, &problem.Error{Where: where, What: strings.TrimSpace(err.Error()), Hint: forms}
	}
	return store, nil
}

const forms = "write it as file:///shared/cache, turbo+https://HOST?team=NAME, bazel+https://HOST, or s3://BUCKET/PREFIX?region=NAME"
