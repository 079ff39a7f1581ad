package s3

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/heapmage/heapmage/internal/environ"
)

const (
	// contentDigest is the header with the SHA-256 of what is sent; it is signed, so that the server
	// refuses what was damaged on the way.
	contentDigest = "X-Amz-Content-Sha256"
	// digestOfNothing is that of requests without a body.
	digestOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// askFor bounds each request for credentials.
const askFor = 2 * time.Second

// keys finds credentials when they are first needed, and renews those that expire.
type keys struct {
	env    []string
	region string
	client *http.Client

	mu        sync.Mutex // of what follows
	found     *credentials.Credentials
	anonymous bool // nobody has any
}

func newKeys(env []string, region string) *keys {
	transport := &http.Transport{Proxy: proxy, DialContext: (&net.Dialer{Timeout: askFor}).DialContext}
	return &keys{env: env, region: region, client: &http.Client{Transport: transport, Timeout: askFor}}
}

// proxy is that of the environment, but for the addresses at which a machine asks for its own
// credentials: they are never beyond one.
func proxy(r *http.Request) (*url.URL, error) {
	if ip := net.ParseIP(r.URL.Hostname()); ip.IsLinkLocalUnicast() || ip.IsPrivate() || ip.IsLoopback() {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

// sign signs a request (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html).
func (k *keys) sign(r *http.Request) error {
	v, err := k.get()
	if err != nil {
		return err
	}
	if r.Header.Get(contentDigest) == "" {
		r.Header.Set(contentDigest, digestOfNothing)
	}
	// The signature stands in the header, which is not copied.
	signer.SignV4(*r, v.AccessKeyID, v.SecretAccessKey, v.SessionToken, k.region)
	return nil
}

// get returns the credentials; none if requests are anonymous. The order is that of the AWS CLI.
func (k *keys) get() (credentials.Value, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.anonymous {
		return credentials.Value{}, nil
	}
	asked := &credentials.CredContext{Client: k.client}
	if k.found != nil {
		return value(k.found.GetWithContext(asked))
	}
	id, secret := k.variable(environ.AWSAccessKey), k.variable(environ.AWSSecretKey)
	iam := credentials.New(&credentials.IAM{Client: k.client, Region: k.region})
	switch {
	case id != "" || secret != "":
		if id == "" || secret == "" {
			return credentials.Value{}, fmt.Errorf("only one of %s and %s is set", environ.AWSAccessKey, environ.AWSSecretKey)
		}
		k.found = credentials.NewStaticV4(id, secret, k.variable(environ.AWSSessionToken))
	case k.variable(environ.AWSWebIdentity) != "" || k.variable(environ.AWSContainer) != "" || k.variable(environ.AWSContainerFull) != "":
		k.found = iam
	default:
		file := credentials.NewFileAWSCredentials("", "")
		v, err := file.GetWithContext(asked)
		switch {
		case err == nil && v.AccessKeyID != "":
			k.found = file
		case k.variable(environ.AWSProfile) != "":
			return credentials.Value{}, fmt.Errorf("%s names a profile whose credentials cannot be read", environ.AWSProfile)
		default:
			if !strings.EqualFold(k.variable(environ.AWSNoMetadata), "true") {
				if _, err := iam.GetWithContext(asked); err == nil {
					k.found = iam
				}
			}
			if k.found == nil {
				k.anonymous = true
				return credentials.Value{}, nil
			}
		}
	}
	return value(k.found.GetWithContext(asked))
}

func (k *keys) variable(name string) string { return strings.TrimSpace(environ.Value(k.env, name)) }

// value hides why there are no credentials: the error may have them.
func value(v credentials.Value, err error) (credentials.Value, error) {
	if err != nil {
		return v, errNoCredentials
	}
	return v, nil
}

var errNoCredentials = fmt.Errorf("AWS gives no credentials for what the environment names (%s and its like)", environ.AWSWebIdentity)
