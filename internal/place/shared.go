package place

import (
	"fmt"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/objectstore"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/sharedcache"
	"github.com/heapmage/heapmage/internal/signature"
	"github.com/heapmage/heapmage/internal/trust"
)

// Shared is the cache of results that machines share, and what this job may do with it.
type Shared struct {
	Store  objectstore.Store
	Access sharedcache.Access
	// Why tells in a sentence what it may not do, and why. It is empty if it may do all.
	Why string
	// Secrets are its credentials, which no result may hold.
	Secrets []string
}

// openShared opens the shared cache; nil if none is set, or no results are kept. It asks no server.
func openShared(c *config.Config, root string, env []string) (*Shared, error) {
	if c.Shared.Remote == "" || !c.KeepsResults() {
		return nil, nil
	}
	store, err := objectstore.Open(c.Shared.Remote, root, env)
	if err != nil {
		return nil, err
	}
	traits, keys := store.Traits(), c.Shared.Keys
	s := &Shared{Store: store}
	for _, name := range []string{environ.CacheToken, environ.CacheSigningKey} {
		if value := environ.Value(env, name); value != "" {
			s.Secrets = append(s.Secrets, value)
			if _, secret, ok := strings.Cut(value, ":"); ok && len(secret) >= environ.LeastSecret {
				s.Secrets = append(s.Secrets, secret) // the password without the user's name
			}
		}
	}
	both := slices.Concat(keys, c.Shared.PullKeys)
	public := c.Shared.Secret.Public()
	signs := !c.Shared.Secret.IsZero()
	if signs && !slices.Contains(both, public) {
		return nil, &problem.Error{Where: environ.CacheSigningKey, What: "its public key is not among cache.keys", Hint: "add " + public.String()}
	}
	if len(keys) == 0 && !traits.OwnFolder {
		s.Why = "it is not used: cache.keys is empty, and without a key nothing there can be trusted. The target cache:keygen makes a pair of keys"
		return s, nil
	}
	policy := trust.Here(func(name string) string { return environ.Value(env, name) }, trust.Mode(c.Shared.Write))
	if policy.Write == "" && policy.Reason != trust.NoCI && policy.Reason != trust.Forbidden {
		s.Why = "nothing is stored: " + policy.Reason.String()
	}
	for _, tier := range policy.Read {
		t := envelope.Trust{Keys: keys, Unsigned: traits.OwnFolder && len(keys) == 0}
		if tier != trust.Trusted {
			t = envelope.Trust{Keys: both, Unsigned: traits.OwnFolder && len(c.Shared.PullKeys) == 0}
		}
		s.Access.Reads = append(s.Access.Reads, sharedcache.Tier{Name: tier, Trust: t})
		if tier == policy.Write {
			s.allow(tier, t, c.Shared.Secret)
		}
	}
	return s, nil
}

// allow allows to write a tier, if what is written there counts.
func (s *Shared) allow(tier string, t envelope.Trust, key signature.Secret) {
	switch {
	case !key.IsZero() && slices.Contains(t.Keys, key.Public()):
		s.Access.Writes, s.Access.Secret = tier, key
	case t.Unsigned:
		s.Access.Writes = tier
	case key.IsZero():
		s.Why = "nothing is stored: " + environ.CacheSigningKey + " is not set"
	default:
		s.Why = fmt.Sprintf("nothing is stored: %s is one of cache.pullKeys, which do not count in the tier %s", environ.CacheSigningKey, tier)
	}
}
