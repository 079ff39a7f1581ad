package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/objectstore"
	"github.com/heapmage/heapmage/internal/servertest"
	"github.com/heapmage/heapmage/internal/testkit"
)

// nowhere lets no credentials of this machine be found.
func nowhere(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"} {
		t.Setenv(name, filepath.Join(t.TempDir(), "none"))
	}
	for _, name := range []string{"AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		t.Setenv(name, "")
	}
}

func TestVersityGateway(t *testing.T) {
	nowhere(t)
	servertest.Check(t, servertest.S3(t), open)
}

const object = "trusted/results/3f"

func opened(t *testing.T, address string, env ...string) *bucket {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := open(at, "", env)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*bucket)
}

func TestAddresses(t *testing.T) {
	for _, tt := range []struct {
		address string
		env     []string
		want    string // where an object is, or what is wrong
	}{
		{"s3://acme-cache?region=eu-west-1", nil, "https://acme-cache.s3.eu-west-1.amazonaws.com/" + object},
		{"s3://acme-cache/team/a/?region=eu-west-1", nil, "https://acme-cache.s3.eu-west-1.amazonaws.com/team/a/" + object},
		{"s3://acme.cache?region=eu-west-1", nil, "https://s3.eu-west-1.amazonaws.com/acme.cache/" + object},
		{"s3://acme-cache?region=cn-north-1", nil, "https://acme-cache.s3.cn-north-1.amazonaws.com.cn/" + object},
		{"s3://acme-cache", []string{"AWS_DEFAULT_REGION=b-2", "AWS_REGION=a-1"}, "https://acme-cache.s3.a-1.amazonaws.com/" + object},
		{"s3://acme-cache", []string{"AWS_DEFAULT_REGION=b-2"}, "https://acme-cache.s3.b-2.amazonaws.com/" + object},
		{"s3://acme-cache/team?endpoint=https://minio.example.com:9000", nil, "https://minio.example.com:9000/acme-cache/team/" + object},
		{"s3://acme-cache?endpoint=http://127.0.0.1:9000/s3/&region=auto", nil, "http://127.0.0.1:9000/s3/acme-cache/" + object},
		{"s3://acme-cache", nil, "it names no region: add ?region=NAME, or set AWS_REGION"},
		{"s3://acme-cache?region=evil.example.com/x", nil, `"evil.example.com/x" cannot be the name of a region`},
		{"s3://Acme?region=eu-west-1", nil, `"Acme" cannot be the name of a bucket`},
		{"s3://?region=eu-west-1", nil, `"" cannot be the name of a bucket`},
		{"s3:acme?region=eu-west-1", nil, `"" cannot be the name of a bucket`},
		{"s3://acme-cache/a/../b?region=eu-west-1", nil, `"/a/../b" cannot be what names begin with`},
		{"s3://acme-cache/a%20b?region=eu-west-1", nil, `"/a b" cannot be what names begin with`},
		{"s3://acme-cache?regoin=eu-west-1", nil, `the parameter "regoin" is not known: did you mean region?`},
		{"s3://acme-cache?endpoint=minio:9000", nil, "its endpoint is no address such as https://HOST"},
		{"s3://acme-cache?endpoint=https://me:secret@minio", nil, "its endpoint is no address such as https://HOST"},
	} {
		t.Run(tt.address, func(t *testing.T) {
			at, err := url.Parse(tt.address)
			if err != nil {
				t.Fatal(err)
			}
			s, err := open(at, "", tt.env)
			got := fmt.Sprint(err)
			if err == nil {
				got, _ = s.(*bucket).at(object)
			}
			if got != tt.want {
				t.Errorf("got %s, not %s", got, tt.want)
			}
		})
	}
	t.Run("a message names the bucket and the server", func(t *testing.T) {
		got := opened(t, "s3://acme-cache/team?endpoint=https://minio.example.com").Traits()
		if got != (objectstore.Traits{CreateOnly: true, Where: "the bucket acme-cache at minio.example.com"}) {
			t.Errorf("%+v", got)
		}
	})
}

func TestCredentials(t *testing.T) {
	nowhere(t)
	var asked []string // of AWS
	answer := func(http.ResponseWriter, *http.Request) {}
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		answer(w, r)
	}))
	defer aws.Close()
	var signed, token string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, signed, _ = strings.Cut(r.Header.Get("Authorization"), "Credential=")
		signed, _, _ = strings.Cut(signed, "/")
		token = r.Header.Get("X-Amz-Security-Token")
	}))
	defer s.Close()
	// ask makes a request, and tells whose signature it had.
	ask := func(t *testing.T, b *bucket) (string, error) {
		t.Helper()
		b.keys.endpoint = aws.URL
		signed, token = "", ""
		_, err := b.Has(t.Context(), object)
		return strings.TrimSpace(signed + " " + token), err
	}
	address := "s3://acme-cache?region=eu-west-1&endpoint=" + s.URL
	t.Run("of the environment", func(t *testing.T) {
		got, err := ask(t, opened(t, address, "AWS_ACCESS_KEY_ID=AKA", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token"))
		if got != "AKA token" || err != nil || len(asked) > 0 {
			t.Error(got, err, asked)
		}
	})
	t.Run("half of them", func(t *testing.T) {
		for _, one := range []string{"AWS_ACCESS_KEY_ID=AKA", "AWS_SECRET_ACCESS_KEY=secret"} {
			if got, err := ask(t, opened(t, address, one)); got != "" || fmt.Sprint(err) != "environment: only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set" {
				t.Error(got, err)
			}
		}
	})
	t.Run("of a profile", func(t *testing.T) {
		dir := t.TempDir()
		testkit.Write(t, dir, "credentials", "[default]\naws_access_key_id=AKDEFAULT\naws_secret_access_key=secret\n[ci]\naws_access_key_id=AKCI\naws_secret_access_key=secret\n")
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
		for profile, want := range map[string]string{"": "AKDEFAULT", "ci": "AKCI"} {
			t.Setenv("AWS_PROFILE", profile)
			if got, err := ask(t, opened(t, address, "AWS_PROFILE="+profile)); got != want || err != nil {
				t.Error(profile, got, err)
			}
		}
		t.Setenv("AWS_PROFILE", "gone")
		if got, err := ask(t, opened(t, address, "AWS_PROFILE=gone")); got != "" || fmt.Sprint(err) != "environment: AWS_PROFILE names a profile without credentials" {
			t.Error(got, err)
		}
	})
	t.Run("by web identity", func(t *testing.T) {
		dir := t.TempDir()
		testkit.Write(t, dir, "token", "oidc-token")
		t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", filepath.Join(dir, "token"))
		t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/ci")
		sent := ""
		answer = func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			sent = r.Form.Get("WebIdentityToken") + " " + r.Form.Get("RoleArn")
			fmt.Fprint(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
				<AccessKeyId>AKROLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
				</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
		}
		env := "AWS_WEB_IDENTITY_TOKEN_FILE=" + filepath.Join(dir, "token")
		if got, err := ask(t, opened(t, address, env)); got != "AKROLE session" || sent != "oidc-token arn:aws:iam::1:role/ci" || err != nil {
			t.Error(got, sent, err)
		}
		answer = func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			fmt.Fprint(w, "no: oidc-token")
		}
		if got, err := ask(t, opened(t, address, env)); got != "" || err == nil || strings.Contains(err.Error(), "oidc-token") || !strings.Contains(err.Error(), "AWS_WEB_IDENTITY_TOKEN_FILE") {
			t.Error(got, err)
		}
	})
	t.Run("of the machine", func(t *testing.T) {
		asked = nil
		answer = func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPut:
				fmt.Fprint(w, "imds-token")
			case strings.HasSuffix(r.URL.Path, "/"):
				fmt.Fprintln(w, "runner")
			default:
				fmt.Fprint(w, `{"Code":"Success","AccessKeyId":"AKMACHINE","SecretAccessKey":"secret","Token":"session","Expiration":"2099-01-01T00:00:00Z"}`)
			}
		}
		b := opened(t, address)
		for range 3 {
			if got, err := ask(t, b); got != "AKMACHINE session" || err != nil {
				t.Error(got, err)
			}
		}
		if len(asked) != 3 { // the token, the role, its credentials
			t.Error(asked)
		}
	})
	t.Run("nobody has any", func(t *testing.T) {
		answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }
		asked = nil
		b := opened(t, address)
		for range 3 {
			if got, err := ask(t, b); got != "" || err != nil {
				t.Error(got, err)
			}
		}
		if len(asked) > 2 {
			t.Errorf("the machine is asked again and again: %q", asked)
		}
		asked = nil
		if got, err := ask(t, opened(t, address, "AWS_EC2_METADATA_DISABLED=true")); got != "" || err != nil || len(asked) > 0 {
			t.Error(got, err, asked)
		}
	})
	t.Run("a run that ends while they are asked for is no reason to go on without", func(t *testing.T) {
		b := opened(t, address)
		b.keys.endpoint = aws.URL
		ctx, cancel := context.WithCancel(t.Context())
		answer = func(http.ResponseWriter, *http.Request) { cancel() }
		if _, err := b.Has(ctx, object); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		answer = func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/") {
				fmt.Fprintln(w, "runner")
				return
			}
			fmt.Fprint(w, `{"Code":"Success","AccessKeyId":"AKMACHINE","SecretAccessKey":"secret","Token":"session","Expiration":"2099-01-01T00:00:00Z"}`)
		}
		if got, err := ask(t, b); got != "AKMACHINE session" || err != nil {
			t.Error(got, err)
		}
	})
}

func TestRequests(t *testing.T) {
	nowhere(t)
	var got http.Header
	var path, body string
	code, text, to := 200, "", ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, path, body = r.Header, r.Method+" "+r.URL.Path, string(b)
		w.Header().Set("Content-Type", "application/xml")
		if to != "" {
			w.Header().Set("Location", to)
		}
		w.WriteHeader(code)
		fmt.Fprint(w, text)
	}))
	defer s.Close()
	b := opened(t, "s3://acme-cache/team?region=eu-west-1&endpoint="+s.URL, "AWS_ACCESS_KEY_ID=AKA", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token")
	put := func() error { return b.Put(t.Context(), object, envelope.Bytes([]byte("content"))) }
	t.Run("an object is created or not at all", func(t *testing.T) {
		if err := put(); err != nil || path != "PUT /acme-cache/team/"+object || body != "content" || got.Get("If-None-Match") != "*" || got.Get("X-Amz-Content-Sha256") != "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73" {
			t.Error(err, path, got)
		}
		if signed := got.Get("Authorization"); !strings.Contains(signed, "/eu-west-1/s3/aws4_request, SignedHeaders=content-type;host;if-none-match;x-amz-content-sha256;x-amz-date;x-amz-security-token,") {
			t.Error(signed)
		}
		for _, code = range []int{412, 409} {
			if err := put(); !errors.Is(err, objectstore.ErrExists) {
				t.Error(err)
			}
		}
	})
	t.Run("more than S3 takes at once", func(t *testing.T) {
		if err := b.Put(t.Context(), object, objectstore.Content{Size: most + 1}); fmt.Sprint(err) != "it has more than the 5 GB that S3 takes at once" {
			t.Error(err)
		}
	})
	for _, tt := range []struct {
		claim, text string
		code        int
		want        string
	}{
		{"a refusal may be a miss", "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>", 403, "403 Forbidden: AccessDenied: Access Denied (S3 answers so too if an object is not there and s3:ListBucket is not allowed)"},
		{"or not", "<Error><Code>RequestTimeTooSkewed</Code><Message>Late</Message></Error>", 403, "403 Forbidden: RequestTimeTooSkewed: Late"},
		{"another region is told", "<Error><Code>PermanentRedirect</Code><Message>Use eu-west-2</Message></Error>", 301, "301 Moved Permanently: PermanentRedirect: Use eu-west-2"},
		{"a miss", "<Error><Code>NoSuchKey</Code></Error>", 404, "it is not there"},
		{"no bucket", "<Error><Code>NoSuchBucket</Code><Message>None</Message></Error>", 404, "404 Not Found: NoSuchBucket: None"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			code, text = tt.code, tt.text
			if _, err := b.Get(t.Context(), object); err == nil || !strings.HasSuffix(err.Error(), tt.want) {
				t.Error(err)
			}
		})
	}
	t.Run("another server gets neither signature nor token", func(t *testing.T) {
		var asked atomic.Int32
		other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			for name := range r.Header {
				if name == "Authorization" || strings.HasPrefix(name, "X-Amz") {
					t.Errorf("it gets %s", name)
				}
			}
		}))
		defer other.Close()
		code, text, to = 307, "", other.URL
		if _, err := b.Has(t.Context(), object); err != nil || asked.Load() != 1 {
			t.Error(err, asked.Load())
		}
	})
	t.Run("what no object is called is not asked for", func(t *testing.T) {
		path = ""
		for _, name := range []string{"trusted/../x", "..", "", "a//b"} {
			_, err := b.Get(t.Context(), name)
			_, err2 := b.Has(t.Context(), name)
			if err3 := b.Put(t.Context(), name, envelope.Bytes(nil)); err == nil || err2 == nil || err3 == nil || path != "" {
				t.Errorf("%q: %v, %v, %v", name, err, err2, err3)
			}
		}
	})
}
