module github.com/heapmage/heapmage/mage/s3

go 1.26.0

require (
	github.com/heapmage/heapmage v0.0.0
	github.com/minio/minio-go/v7 v7.0.0
)

replace github.com/heapmage/heapmage => ../..
