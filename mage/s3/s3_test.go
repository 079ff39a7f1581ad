package s3

import (
	"testing"

	"github.com/heapmage/heapmage/internal/servertest"
)

func TestVersityGateway(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	servertest.Check(t, servertest.S3(t), open)
}
