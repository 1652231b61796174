package fabric

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/crypto/argon2"

	"github.com/passrig/passrig/virtual"
)

// Sizes, in bytes.
const (
	secretSize = 32 // vault secrets and everything derived
	nonceSize  = 12 // of AES-GCM
	saltSize   = 16
)

// What is derived or sealed is for one purpose each.
const (
	infoRecord   = "passrig fabric record"
	infoWrap     = "passrig fabric wrap"
	infoProof    = "passrig fabric proof"
	infoMember   = "passrig fabric secret for device "
	infoRecovery = "passrig fabric secret for recovery"
)

// KDF is what Argon2id (RFC 9106) costs when a PIN becomes a key.
type KDF struct {
	Time      uint32 `json:"time"` // passes
	MemoryKiB uint32 `json:"memoryKiB"`
	Threads   uint8  `json:"threads"`
}

// DefaultKDF takes about 50 ms.
func DefaultKDF() KDF { return KDF{Time: 1, MemoryKiB: 47104, Threads: 1} }

// newSecret returns the vault secret of a new epoch.
func newSecret(random io.Reader) ([]byte, error) {
	secret := make([]byte, secretSize)
	if _, err := io.ReadFull(random, secret); err != nil {
		return nil, fmt.Errorf("make vault secret: %w", err)
	}
	return secret, nil
}

// sealRecord returns nonce || AES-256-GCM of a credential's JSON, for r.Sealed. The key comes from the vault secret of
// r.Epoch. The additional data binds it to SyncID, RPID, CredentialID, UserHandle, Created, Shadows and Epoch of r, which
// have to be set: a cloud that swaps what is sealed between records, or changes them, makes it unreadable.
func sealRecord(secret []byte, r *Record, stored *virtual.StoredCredential, random io.Reader) ([]byte, error) {
	plain, err := json.Marshal(stored) //nolint:gosec // to be sealed
	if err != nil {
		return nil, fmt.Errorf("seal record %s: %w", r.SyncID, err)
	}
	sealed, err := sealBytes(secret, infoRecord, plain, r.bound(), random)
	if err != nil {
		return nil, fmt.Errorf("seal record %s: %w", r.SyncID, err)
	}
	return sealed, nil
}

// openRecord is the reverse of sealRecord.
func openRecord(secret []byte, r *Record) (virtual.StoredCredential, error) {
	var stored virtual.StoredCredential
	plain, err := openBytes(secret, infoRecord, r.Sealed, r.bound())
	if err == nil {
		err = json.Unmarshal(plain, &stored)
	}
	if err != nil {
		return virtual.StoredCredential{}, fmt.Errorf("open record %s: %w", r.SyncID, err)
	}
	return stored, nil
}

// bound is what a sealed record belongs to, each part with its length before it.
func (r *Record) bound() []byte {
	data := make([]byte, 0, 128)
	add := func(part []byte) {
		data = binary.BigEndian.AppendUint32(data, uint32(len(part))) //nolint:gosec // far from 4 GiB
		data = append(data, part...)
	}
	add(r.SyncID[:])
	add([]byte(r.RPID))
	add(r.CredentialID)
	add(r.UserHandle)
	data = binary.BigEndian.AppendUint64(data, uint64(r.Created.UnixNano()))
	data = binary.BigEndian.AppendUint32(data, uint32(len(r.Shadows))) //nolint:gosec // far from 4 Gi
	for _, id := range r.Shadows {
		add(id)
	}
	return binary.BigEndian.AppendUint64(data, uint64(r.Epoch)) //nolint:gosec // never negative
}

// gcm returns AES-256-GCM under the key that a secret has for a purpose.
func gcm(secret []byte, info string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, info, secretSize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func sealBytes(secret []byte, info string, plain, bound []byte, random io.Reader) ([]byte, error) {
	aead, err := gcm(secret, info)
	if err != nil {
		return nil, err
	}
	sealed := make([]byte, nonceSize, nonceSize+len(plain)+aead.Overhead())
	if _, err := io.ReadFull(random, sealed); err != nil {
		return nil, err
	}
	return aead.Seal(sealed, sealed, plain, bound), nil
}

func openBytes(secret []byte, info string, sealed, bound []byte) ([]byte, error) {
	if len(sealed) < nonceSize {
		return nil, fmt.Errorf("%d bytes, want more than %d", len(sealed), nonceSize)
	}
	aead, err := gcm(secret, info)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, sealed[:nonceSize], sealed[nonceSize:], bound)
}

// newKeyPair returns an X25519 key pair for HPKE: private and public key of 32 bytes each.
func newKeyPair(random io.Reader) (private, public []byte, err error) {
	seed := make([]byte, secretSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, nil, fmt.Errorf("make key pair: %w", err)
	}
	key, err := ecdh.X25519().NewPrivateKey(seed)
	if err != nil {
		return nil, nil, fmt.Errorf("make key pair: %w", err)
	}
	return seed, key.PublicKey().Bytes(), nil
}

// sealSecret seals the vault secret of an epoch to a public key: HPKE (RFC 9180), base mode, DHKEM(X25519),
// HKDF-SHA256, AES-256-GCM. holder is a device's name, or empty for the recovery key.
func sealSecret(public []byte, holder string, epoch int, secret []byte) ([]byte, error) {
	key, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("seal secret of epoch %d for %q: %w", epoch, holder, err)
	}
	sealed, err := hpke.Seal(key, hpke.HKDFSHA256(), hpke.AES256GCM(), secretInfo(holder, epoch), secret)
	if err != nil {
		return nil, fmt.Errorf("seal secret of epoch %d for %q: %w", epoch, holder, err)
	}
	return sealed, nil
}

// openSecret is the reverse of sealSecret.
func openSecret(private []byte, holder string, epoch int, sealed []byte) ([]byte, error) {
	key, err := hpke.DHKEM(ecdh.X25519()).NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("open secret of epoch %d for %q: %w", epoch, holder, err)
	}
	secret, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.AES256GCM(), secretInfo(holder, epoch), sealed)
	if err != nil {
		return nil, fmt.Errorf("open secret of epoch %d for %q: %w", epoch, holder, err)
	}
	return secret, nil
}

// secretInfo binds a sealed secret to who it is for and to its epoch. A device's name may be anything, so it is quoted.
func secretInfo(holder string, epoch int) []byte {
	info := infoRecovery
	if holder != "" {
		info = infoMember + strconv.Quote(holder)
	}
	return []byte(info + " of epoch " + strconv.Itoa(epoch))
}

// RecoveryParams is what a device has to know to make a try.
type RecoveryParams struct {
	Salt      []byte `json:"salt"`
	KDF       KDF    `json:"kdf"`
	PublicKey []byte `json:"publicKey"` // of the recovery key, for secrets of later epochs
}

// Recovery is what lets a PIN unlock the vault on a new device. The zero value is none: devices then join by approval.
type Recovery struct {
	RecoveryParams

	ProofHash []byte         `json:"proofHash"` // SHA-256
	SealedKey []byte         `json:"sealedKey"` // the recovery key's private half, see openRecovery
	Secrets   map[int][]byte `json:"secrets"`   // by epoch, sealed to PublicKey
}

// none reports whether there is nothing to unlock with.
func (r *Recovery) none() bool { return len(r.PublicKey) == 0 }

// digest is the name of a recovery in the audit log: SHA-256 of everything that a rotation leaves as it is.
func (r *Recovery) digest() string {
	if r.none() {
		return ""
	}
	costs := fmt.Appendf(nil, "%d %d %d", r.KDF.Time, r.KDF.MemoryKiB, r.KDF.Threads)
	sum := sha256.New()
	for _, part := range [][]byte{costs, r.Salt, r.PublicKey, r.ProofHash, r.SealedKey} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		sum.Write(size[:])
		sum.Write(part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// newRecovery makes a recovery for a PIN, with the vault secrets of all epochs.
func newRecovery(pin string, kdf KDF, secrets map[int][]byte, random io.Reader) (Recovery, error) {
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(random, salt); err != nil {
		return Recovery{}, fmt.Errorf("make recovery: %w", err)
	}
	private, public, err := newKeyPair(random)
	if err != nil {
		return Recovery{}, fmt.Errorf("make recovery: %w", err)
	}
	r := Recovery{
		RecoveryParams: RecoveryParams{Salt: salt, KDF: kdf, PublicKey: public},
		Secrets:        make(map[int][]byte, len(secrets)),
	}
	proof, wrap, err := proofOf(pin, r.RecoveryParams)
	if err != nil {
		return Recovery{}, fmt.Errorf("make recovery: %w", err)
	}
	hash := sha256.Sum256(proof)
	r.ProofHash = hash[:]
	if r.SealedKey, err = sealBytes(wrap, infoWrap, private, public, random); err != nil {
		return Recovery{}, fmt.Errorf("make recovery: %w", err)
	}
	for epoch, secret := range secrets {
		if r.Secrets[epoch], err = sealSecret(public, "", epoch, secret); err != nil {
			return Recovery{}, fmt.Errorf("make recovery: %w", err)
		}
	}
	return r, nil
}

// proofOf returns what a PIN is good for: proof is what [Account.Try] takes, wrap opens the recovery key.
func proofOf(pin string, params RecoveryParams) (proof, wrap []byte, err error) {
	kdf := params.KDF
	if kdf.Time == 0 || kdf.Threads == 0 {
		return nil, nil, errors.New("derive key of pin: key derivation without passes or threads")
	}
	stretched := argon2.IDKey([]byte(pin), params.Salt, kdf.Time, kdf.MemoryKiB, kdf.Threads, secretSize)
	if proof, err = hkdf.Key(sha256.New, stretched, nil, infoProof, secretSize); err != nil {
		return nil, nil, fmt.Errorf("derive key of pin: %w", err)
	}
	if wrap, err = hkdf.Key(sha256.New, stretched, nil, infoWrap, secretSize); err != nil {
		return nil, nil, fmt.Errorf("derive key of pin: %w", err)
	}
	return proof, wrap, nil
}

// openRecovery returns the vault secrets by epoch from what a successful try gave.
func openRecovery(wrap []byte, params RecoveryParams, recovered *Recovered) (map[int][]byte, error) {
	private, err := openBytes(wrap, infoWrap, recovered.SealedKey, params.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("open recovery key: %w", err)
	}
	secrets := make(map[int][]byte, len(recovered.Secrets))
	for epoch, sealed := range recovered.Secrets {
		if secrets[epoch], err = openSecret(private, "", epoch, sealed); err != nil {
			return nil, err
		}
	}
	return secrets, nil
}
