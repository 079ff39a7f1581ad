// Package remote lets a shared cache be on a server that speaks HTTP. A magefile imports it beside
// package mage:
//
//	_ "github.com/heapmage/heapmage/mage/remote"
//
// It adds these forms of cache.remote:
//
//	turbo+https://HOST[/prefix]?team=NAME   servers for Turborepo's remote cache, and Vercel
//	bazel+https://HOST[/prefix]             servers for Bazel's HTTP cache
//
// With turbo+http and bazel+http there is no TLS; a credential is then sent only to this machine. Only
// those who import it compile an HTTP client. docs/cache-servers.md describes the servers.
package remote

import (
	"github.com/heapmage/heapmage/internal/httpstore"
	"github.com/heapmage/heapmage/internal/objectstore"
)

func init() {
	for _, tls := range []string{"https", "http"} {
		objectstore.Register("turbo+"+tls, httpstore.OpenTurbo)
		objectstore.Register("bazel+"+tls, httpstore.OpenBazel)
	}
}
