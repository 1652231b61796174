package fleet

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// Fleet is the users of a load. It is safe for concurrent use, as long as every caller has buffers of its own.
type Fleet struct {
	cfg        Config
	root       *root
	people     *people // nil unless imported
	manner     *manner
	state      *state
	pool       *pool // nil unless signatures are made with it
	keys       keyring
	algorithms []share
	weights    int                      // sum of those of algorithms
	counter    func(last uint32) uint32 // nil where the provider does not count

	userHead, displayHead string // of names
}

type share struct {
	algorithm webauthn.Algorithm
	weight    int
}

// New makes a fleet: it reads the imported users, or derives what they share, asks a device how the provider behaves,
// and opens the state file. Close it in the end. Errors that a person can do something about have a method Hint.
func New(cfg Config) (*Fleet, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Fleet{cfg: cfg, root: newRoot(cfg.Seed, cfg.Prefix)}
	if err := f.shareAuthority(); err != nil {
		return nil, err
	}
	if f.manner, err = learn(f.cfg.Device); err != nil {
		return nil, err
	}
	if cfg.Import != nil {
		if f.people, err = readPeople(cfg.Import, cfg.ImportName); err != nil {
			return nil, err
		}
		if f.cfg.Count, err = f.people.limit(cfg.Count); err != nil {
			return nil, err
		}
	}
	if err := f.prepare(); err != nil {
		return nil, err
	}
	if f.state, err = openState(cfg.State, f.header()); err != nil {
		return nil, err
	}
	if f.people != nil {
		if err := f.state.merge(f.people); err != nil {
			return nil, errors.Join(err, f.state.close())
		}
	}
	return f, nil
}

// prepare makes what all users share.
func (f *Fleet) prepare() error {
	tag := f.root.tag()
	f.userHead, f.displayHead = f.cfg.Prefix+tag+"-", "User-"+tag+"-"
	f.keys = keyring{root: f.root, people: f.people}
	if f.counts() {
		f.counter = f.nextCount
	}
	if f.people != nil {
		return nil
	}
	for _, w := range f.cfg.Algorithms {
		alg, err := algorithm(w.Algorithm)
		if err != nil {
			return err
		}
		f.algorithms = append(f.algorithms, share{alg, w.Weight})
		f.weights += w.Weight
	}
	if f.cfg.has(webauthn.RS256) {
		if err := f.keys.share(); err != nil {
			return err
		}
	}
	if f.cfg.Signing == SigningPool && f.cfg.has(webauthn.ES256) {
		m, err := newMint(f.cfg.Random)
		if err != nil {
			return err
		}
		f.pool = newPool(f.cfg.PoolSize, m)
	}
	return nil
}

// header says whose state file it is. Imported users are known by their contents.
func (f *Fleet) header() *header {
	h := &header{Origin: f.cfg.Origin, RPID: f.cfg.RPID, Adapter: f.cfg.Adapter, Count: f.cfg.Count, Eligible: f.cfg.Device.BackupEligible}
	if f.people != nil {
		h.Import = f.people.digest
		return h
	}
	h.Seed, h.Prefix, h.Algorithms = f.cfg.Seed, f.cfg.Prefix, f.cfg.Algorithms
	return h
}

// Close closes the state file.
func (f *Fleet) Close() error { return f.state.close() }

// Count is how many users there are.
func (f *Fleet) Count() int64 { return f.cfg.Count }

// Imported says whether the users are imported, and not derived.
func (f *Fleet) Imported() bool { return f.people != nil }

// Enrolled is how many users have a passkey at the relying party.
func (f *Fleet) Enrolled() int64 { return f.state.enrolled.Load() }

// Missing yields the users of a segment that are not enrolled, in order: of those with index modulo of equal to
// segment. After an error it ends.
func (f *Fleet) Missing(segment, of int64) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		stopped := false
		err := f.state.scan(0, f.cfg.Count, func(user int64, r *record) bool {
			if user%of == segment && !r.enrolled() {
				stopped = !yield(user, nil)
			}
			return !stopped
		})
		if err != nil && !stopped {
			yield(0, f.state.explain(err))
		}
	}
}

// Enroll remembers that the relying party accepted the user's registration, made with [Fleet.Register] or a
// [Fleet.Device]. The handle is user.id of the options, 1 to 64 raw bytes; discoverable is
// [Registration.Discoverable].
func (f *Fleet) Enroll(user int64, handle []byte, discoverable bool) error {
	if len(handle) == 0 || len(handle) > maxHandle {
		return fmt.Errorf("user %d: user handle of %d bytes, want 1 to %d", user, len(handle), maxHandle)
	}
	return f.state.change(user, func(r *record) { r.enroll(handle, discoverable, f.firstCount()) })
}

// Forget takes an enrollment back: the relying party does not know the passkey any more.
func (f *Fleet) Forget(user int64) error {
	return f.state.change(user, func(r *record) { *r = record{recordFlags: flagKnown} })
}

// Handle appends the user handle of an enrolled user to dst, and nothing for another.
func (f *Fleet) Handle(user int64, dst []byte) ([]byte, error) {
	var r record
	if err := f.state.use(user, &r, nil); err != nil {
		return dst, err
	}
	return append(dst, r.handle()...), nil
}

// Describe says how signatures are made, for a report: "ES256, pooled nonces".
func (f *Fleet) Describe() string {
	names := make([]string, 0, 4)
	if f.people != nil {
		names = append(names, "imported keys")
	}
	for _, s := range f.algorithms {
		if s.weight > 0 {
			names = append(names, s.algorithm.String())
		}
	}
	if f.pool != nil {
		return strings.Join(append(names, "pooled nonces"), ", ")
	}
	return strings.Join(append(names, "signed with the standard library"), ", ")
}

// shareAuthority makes one attestation authority for all users, where the provider has one for each device.
func (f *Fleet) shareAuthority() error {
	kind := f.cfg.Device.Attestation
	if f.cfg.Device.AttestationCA != nil || kind != virtual.AttestationPacked && kind != virtual.AttestationFIDOU2F {
		return nil
	}
	ca, err := virtual.NewAttestationCA(&stream{root: f.root, purpose: forAttestation})
	if err != nil {
		return fmt.Errorf("users: %w", err)
	}
	f.cfg.Device.AttestationCA = ca
	return nil
}
