package httpstore_test

import (
	"testing"

	"github.com/heapmage/heapmage/internal/httpstore"
	"github.com/heapmage/heapmage/internal/servertest"
)

func TestTurborepoRemoteCache(t *testing.T) {
	servertest.Check(t, servertest.Turborepo(t), httpstore.OpenTurbo)
}

func TestBazelRemote(t *testing.T) {
	servertest.Check(t, servertest.Bazel(t), httpstore.OpenBazel)
}
