package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/httpstore"
	"github.com/heapmage/heapmage/internal/objectstore"
)

// bucket is a store in S3's simplest terms: an object is a PUT, a GET or a HEAD. That is all a cache needs,
// so the client is the one of the other stores, with its bounds; of MinIO's it takes the signatures and
// the search for credentials.
type bucket struct {
	client *httpstore.Client
	keys   *keys
	base   *url.URL
	name   string
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	prefixForm = regexp.MustCompile(`^[A-Za-z0-9._/-]*$`) // signed as it is sent, by all servers
	regionName = regexp.MustCompile(`^[a-z0-9-]+$`)       // it becomes a part of the server's name
)

// open opens s3://BUCKET[/prefix]?region=NAME[&endpoint=https://HOST].
func open(at *url.URL, _ string, env []string) (objectstore.Store, error) {
	const place, endpoint = "region", "endpoint"
	parameters, err := httpstore.Parameters(at, place, endpoint)
	if err != nil {
		return nil, err
	}
	if !bucketName.MatchString(at.Host) {
		return nil, fmt.Errorf("%q cannot be the name of a bucket", at.Host)
	}
	if !prefixForm.MatchString(at.Path) || slices.Contains(strings.Split(at.Path, "/"), "..") {
		return nil, fmt.Errorf("%q cannot be what names begin with", at.Path)
	}
	where := parameters.Get(place)
	for _, name := range []string{region, defaultRegion} {
		if where == "" {
			where = environ.Value(env, name)
		}
	}
	var base *url.URL
	switch server := parameters.Get(endpoint); {
	case server != "":
		if base, err = endpointURL(server); err != nil {
			return nil, err
		}
		base = base.JoinPath(at.Host)
		if where == "" {
			where = "us-east-1" // what other servers take for a region if none is set
		}
	case where == "":
		return nil, fmt.Errorf("it names no region: add ?region=NAME, or set %s", region)
	default:
		base = aws(at.Host, where)
	}
	if !regionName.MatchString(where) {
		return nil, fmt.Errorf("%q cannot be the name of a region", where)
	}
	keys := newKeys(env, where)
	return &bucket{httpstore.NewClient(keys.sign), keys, base.JoinPath(at.Path), at.Host}, nil
}

// aws is where a bucket is at AWS (https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html).
// A name with dots is not covered by the certificate of its own host.
func aws(bucket, region string) *url.URL {
	host := "s3." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		host += ".cn"
	}
	if strings.Contains(bucket, ".") {
		return &url.URL{Scheme: "https", Host: host, Path: "/" + bucket}
	}
	return &url.URL{Scheme: "https", Host: bucket + "." + host, Path: "/"}
}

func endpointURL(text string) (*url.URL, error) {
	at, err := url.Parse(text)
	if err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Hostname() == "" || at.User != nil || at.RawQuery != "" || at.Fragment != "" {
		return nil, errors.New("its endpoint is no address such as https://HOST")
	}
	return at, nil
}

func (b *bucket) at(name string) (string, error) {
	if !objectstore.ValidName(name) {
		return "", fmt.Errorf("%q cannot be the name of an object", name)
	}
	return b.base.JoinPath(name).String(), nil
}

func (b *bucket) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	at, err := b.at(name)
	if err != nil {
		return nil, err
	}
	from, err := b.client.Get(ctx, at)
	if err != nil && strings.Contains(err.Error(), "AccessDenied") {
		err = perhapsAbsent(err)
	}
	return from, err
}

func (b *bucket) Has(ctx context.Context, name string) (bool, error) {
	at, err := b.at(name)
	if err != nil {
		return false, err
	}
	there, err := b.client.Has(ctx, at)
	return there, perhapsAbsent(err)
}

// perhapsAbsent adds to a refusal what else it may mean.
func perhapsAbsent(err error) error {
	if errors.Is(err, objectstore.ErrRefused) {
		return fmt.Errorf("%w (S3 answers so too if an object is not there and s3:ListBucket is not allowed)", err)
	}
	return err
}

// most is the largest object that S3 takes in one request, in bytes.
const most = 5 << 30

func (b *bucket) Put(ctx context.Context, name string, c objectstore.Content) error {
	at, err := b.at(name)
	if err != nil {
		return err
	}
	if c.Size > most {
		return fmt.Errorf("it has more than the %d GB that S3 takes at once", most>>30)
	}
	digest, err := httpstore.Digest(ctx, c)
	if err != nil {
		return err
	}
	return b.client.Put(ctx, at, http.Header{
		"Content-Type":  {"application/octet-stream"},
		"If-None-Match": {"*"},
		contentDigest:   {digest},
	}, c)
}

func (b *bucket) Traits() objectstore.Traits {
	return objectstore.Traits{CreateOnly: true, Where: fmt.Sprintf("the bucket %s at %s", b.name, b.base.Host)}
}
