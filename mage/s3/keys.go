package s3

import (
	"context"
	"errors"
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
	"github.com/heapmage/heapmage/internal/problem"
)

const (
	// contentDigest is the header with the SHA-256 of what is sent; it is signed, so that the server
	// refuses what was damaged on the way.
	contentDigest = "X-Amz-Content-Sha256"
	// digestOfNothing is that of requests without a body.
	digestOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// Variables of the AWS CLI.
const (
	accessKey     = "AWS_ACCESS_KEY_ID"
	secretKey     = "AWS_SECRET_ACCESS_KEY"
	sessionToken  = "AWS_SESSION_TOKEN"
	region        = "AWS_REGION"
	defaultRegion = "AWS_DEFAULT_REGION"
	profile       = "AWS_PROFILE"
	// webIdentity is the file of a token, for which there are credentials.
	webIdentity = "AWS_WEB_IDENTITY_TOKEN_FILE"
	// container and containerFull are where a container asks for credentials.
	container     = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
	containerFull = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	// noMetadata is "true" if a machine must not be asked for its own credentials.
	noMetadata = "AWS_EC2_METADATA_DISABLED"
)

// askFor bounds each request for credentials.
const askFor = 2 * time.Second

// keys finds credentials when they are first needed, and renews those that expire.
type keys struct {
	env      []string
	region   string
	client   *http.Client
	endpoint string // where roles are asked for; empty means AWS

	mu    sync.Mutex // of found
	found *credentials.Credentials
}

func newKeys(env []string, where string) *keys {
	transport := &http.Transport{Proxy: proxy, DialContext: (&net.Dialer{Timeout: askFor}).DialContext}
	return &keys{env: env, region: where, client: &http.Client{Transport: transport, Timeout: askFor}}
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
	v, err := k.get(r.Context())
	if err != nil {
		return err
	}
	if r.Header.Get(contentDigest) == "" {
		r.Header.Set(contentDigest, digestOfNothing)
	}
	// The signature stands in the header, which the copy shares.
	signer.SignV4(*r, v.AccessKeyID, v.SecretAccessKey, v.SessionToken, k.region)
	return nil
}

// get returns the credentials; none if requests are anonymous.
func (k *keys) get(ctx context.Context) (v credentials.Value, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	asked := &credentials.CredContext{Client: k.client, Context: ctx}
	if k.found == nil {
		k.found, err = k.find(asked)
	}
	if err == nil {
		v, err = k.found.GetWithContext(asked)
	}
	switch p := (*problem.Error)(nil); {
	case ctx.Err() != nil:
		return v, context.Cause(ctx)
	case errors.As(err, &p):
		return v, err
	case err != nil: // its text may have secrets
		return v, fmt.Errorf("AWS gives no credentials for what the environment names, such as %s", webIdentity)
	}
	return v, nil
}

// find decides where credentials come from, in the order of the AWS CLI.
func (k *keys) find(asked *credentials.CredContext) (*credentials.Credentials, error) {
	id, secret := k.variable(accessKey), k.variable(secretKey)
	if (id == "") != (secret == "") {
		return nil, &problem.Error{Where: "environment", What: fmt.Sprintf("only one of %s and %s is set", accessKey, secretKey)}
	}
	if id != "" {
		return credentials.NewStaticV4(id, secret, k.variable(sessionToken)), nil
	}
	role := credentials.New(&credentials.IAM{Client: k.client, Region: k.region, Endpoint: k.endpoint})
	for _, name := range []string{webIdentity, container, containerFull} {
		if k.variable(name) != "" {
			return role, nil
		}
	}
	file := credentials.NewFileAWSCredentials("", "")
	if v, err := file.GetWithContext(asked); err == nil && v.AccessKeyID != "" {
		return file, nil
	}
	if k.variable(profile) != "" {
		return nil, &problem.Error{Where: "environment", What: profile + " names a profile without credentials"}
	}
	if strings.EqualFold(k.variable(noMetadata), "true") {
		return anonymous, nil
	}
	if _, err := role.GetWithContext(asked); err == nil {
		return role, nil
	}
	if err := asked.Context.Err(); err != nil {
		return nil, err
	}
	return anonymous, nil // it is not asked again: elsewhere than at AWS each time could take seconds
}

// anonymous are the credentials of those who have none.
var anonymous = credentials.NewStatic("", "", "", credentials.SignatureAnonymous)

func (k *keys) variable(name string) string { return strings.TrimSpace(environ.Value(k.env, name)) }
