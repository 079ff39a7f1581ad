// Package s3 lets a shared cache be in a bucket of S3, or of a server that speaks its protocol. It is a
// module of its own, so that only those who use it download and compile what it needs:
//
//	go get github.com/heapmage/heapmage/mage/s3@latest
//
// A magefile imports it beside package mage:
//
//	_ "github.com/heapmage/heapmage/mage/s3"
//
// cache.remote is then of this form; endpoint is for servers other than those of AWS:
//
//	s3://BUCKET[/prefix]?region=NAME[&endpoint=https://HOST]
//
// Credentials are those that the AWS CLI finds in the environment, in the file of its credentials, by
// web identity (OIDC) or from the machine; without any, requests are anonymous, for a bucket that
// everybody may read. Objects are never overwritten. docs/cache-servers.md has the policies that readers
// and writers need.
package s3

import "github.com/heapmage/heapmage/internal/objectstore"

func init() { objectstore.Register("s3", open) }
