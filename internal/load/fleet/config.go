package fleet

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// Ways of making ES256 signatures, for [Config.Signing].
const (
	SigningPool  = "pool"  // with single-use nonces made beforehand; the default
	SigningFresh = "fresh" // with crypto/ecdsa, each from the beginning
)

// DefaultPoolSize is how many nonces a pool holds when [Config.PoolSize] does not say.
const DefaultPoolSize = 1 << 16

// DefaultPrefix is what usernames begin with when [Config.Prefix] does not say.
const DefaultPrefix = "load-"

const (
	maxPrefix = 32
	maxPool   = 1 << 24
	// maxCount keeps every user's place in the state file within an int64, and indexes short.
	maxCount = 1 << 40
)

// Weighted is one algorithm and how many of all users have it.
type Weighted struct {
	Algorithm string `json:"algorithm"` // ES256, EdDSA or RS256
	Weight    int    `json:"weight"`    // its share is Weight of the sum of all weights
}

// Config says who the users of a load are.
type Config struct {
	// Seed is what every user is derived from. The same seed, prefix and algorithms give the same users; their credential
	// ids also depend on Device.CredentialIDLength.
	Seed uint64
	// Count is how many users there are. With Import it may be 0, which is all of the file, or fewer.
	Count int64
	// Prefix begins every username: up to 32 lower-case letters, digits and hyphens; empty means [DefaultPrefix].
	Prefix string
	// Algorithms are the users' algorithms by weight; empty means ES256 alone. Which user has which one does not
	// depend on Count. RS256 users share four keys, because making one takes a tenth of a second.
	Algorithms []Weighted
	// Device is how the users' authenticators behave, as their provider has it: flags, counter, AAGUID, attestation,
	// discoverable credentials. Algorithms and Random are not read.
	Device virtual.Config

	// Signing is [SigningPool] or [SigningFresh]; empty means the pool.
	Signing string
	// PoolSize is how many nonces the pool holds at most, rounded up to a power of two of at least 256; 0 means
	// [DefaultPoolSize]. A nonce takes 72 bytes.
	PoolSize int
	// Random is where nonces come from; nil means crypto/rand. A source that repeats itself gives the private keys
	// away to whoever sees two signatures.
	Random io.Reader

	// State is the path of the state file, which says who is enrolled; empty means a temporary file without a name.
	State string
	// Origin, RPID and Adapter are whom the users are enrolled at. A state file of another relying party is refused.
	Origin, RPID, Adapter string

	// Import is a file of users, one [Passkey] on each line, instead of derived ones; nil means derived. Seed, Prefix
	// and Algorithms say nothing then.
	Import io.Reader
	// ImportName is what errors call the file.
	ImportName string
}

// withDefaults fills in the defaults and reports every mistake at once.
func (c Config) withDefaults() (Config, error) {
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if c.Signing == "" {
		c.Signing = SigningPool
	}
	if c.PoolSize == 0 {
		c.PoolSize = DefaultPoolSize
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.ImportName == "" {
		c.ImportName = "users"
	}
	if len(c.Algorithms) == 0 {
		c.Algorithms = []Weighted{{Algorithm: webauthn.ES256.String(), Weight: 1}}
	}
	if c.Device.CredentialIDLength == 0 {
		c.Device.CredentialIDLength = 32
	}
	if c.Device.Counter.Step == 0 {
		c.Device.Counter.Step = 1
	}
	errs := []error{c.checkNumbers()}
	if strings.Trim(c.Prefix, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || len(c.Prefix) > maxPrefix {
		errs = append(errs, fmt.Errorf("prefix %q: want up to %d of a to z, 0 to 9 and the hyphen", c.Prefix, maxPrefix))
	}
	if c.Signing != SigningPool && c.Signing != SigningFresh {
		errs = append(errs, fmt.Errorf("signing %q: want one of %q", c.Signing, []string{SigningPool, SigningFresh}))
	}
	for _, w := range c.Algorithms {
		if _, err := algorithm(w.Algorithm); err != nil {
			errs = append(errs, err)
		}
		if w.Weight < 0 || w.Weight > 1_000_000 {
			errs = append(errs, fmt.Errorf("weight %d of %q: want 0 to 1000000", w.Weight, w.Algorithm))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Config{}, fmt.Errorf("users: %w", err)
	}
	c.PoolSize = max(batchSize, 1<<bits.Len(uint(c.PoolSize-1)))
	return c, nil
}

func (c Config) checkNumbers() error {
	var errs []error
	if c.Count < 0 || c.Count > maxCount || c.Count == 0 && c.Import == nil {
		errs = append(errs, fmt.Errorf("count %d: want 1 to %d", c.Count, int64(maxCount)))
	}
	if c.PoolSize < 0 || c.PoolSize > maxPool {
		errs = append(errs, fmt.Errorf("pool of %d nonces: want up to %d", c.PoolSize, maxPool))
	}
	sum := 0
	for _, w := range c.Algorithms {
		sum += w.Weight
	}
	if sum <= 0 {
		errs = append(errs, errors.New("the weights of the algorithms are all zero"))
	}
	return errors.Join(errs...)
}

// algorithm is one that a fleet signs with.
func algorithm(name string) (webauthn.Algorithm, error) {
	for _, alg := range []webauthn.Algorithm{webauthn.ES256, webauthn.EdDSA, webauthn.RS256} {
		if alg.String() == name {
			return alg, nil
		}
	}
	return 0, fmt.Errorf("algorithm %q: want one of ES256, EdDSA, RS256", name)
}

// has says whether users may have the algorithm.
func (c Config) has(alg webauthn.Algorithm) bool {
	for _, w := range c.Algorithms {
		if w.Algorithm == alg.String() && w.Weight > 0 {
			return true
		}
	}
	return false
}
