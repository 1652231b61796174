package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/passrig/passrig/internal/webauthn"
)

// Bitwarden's key derivations (kdfType). Their bounds are those of Bitwarden's own settings, which also keep a file from
// asking for more time and memory than there is.
const (
	kdfPBKDF2   = "0"
	kdfArgon2id = "1"

	pbkdf2Iterations    = 600_000
	maxPBKDF2Iterations = 2_000_000
	maxArgon2Iterations = 10
	maxArgon2Memory     = 1024 // MiB
	maxArgon2Threads    = 16
)

// bitwardenProtected is a vault under a password.
type bitwardenProtected struct {
	Encrypted         bool        `json:"encrypted"`
	PasswordProtected bool        `json:"passwordProtected"`
	Salt              string      `json:"salt"`
	KDFType           json.Number `json:"kdfType"`
	KDFIterations     int         `json:"kdfIterations"`
	KDFMemory         *int        `json:"kdfMemory"`      // MiB, of Argon2id
	KDFParallelism    *int        `json:"kdfParallelism"` // of Argon2id
	Validation        string      `json:"encKeyValidation_DO_NOT_EDIT"`
	Data              string      `json:"data"`
}

// protectionKeys are the two halves of the stretched key.
type protectionKeys struct{ encryption, mac []byte }

// stretch makes the keys of a derived one: HKDF's second step alone.
func stretch(derived []byte) (protectionKeys, error) {
	encryption, err := hkdf.Expand(sha256.New, derived, "enc", 32)
	if err != nil {
		return protectionKeys{}, fmt.Errorf("stretch key: %w", err)
	}
	mac, err := hkdf.Expand(sha256.New, derived, "mac", 32)
	if err != nil {
		return protectionKeys{}, fmt.Errorf("stretch key: %w", err)
	}
	return protectionKeys{encryption: encryption, mac: mac}, nil
}

// protect puts a vault under a password with PBKDF2-SHA256; nil random means crypto/rand.
func protect(vault []byte, password string, iterations int, random io.Reader) ([]byte, error) {
	if random == nil {
		random = rand.Reader
	}
	drawn := make([]byte, 32) // a salt and the bytes whose decryption proves the password
	if _, err := io.ReadFull(random, drawn); err != nil {
		return nil, fmt.Errorf("read random source: %w", err)
	}
	// The key is derived from the salt's text, not from its bytes.
	salt := base64.StdEncoding.EncodeToString(drawn[:16])
	derived, err := pbkdf2.Key(sha256.New, password, []byte(salt), iterations, 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	keys, err := stretch(derived)
	if err != nil {
		return nil, err
	}
	validation, err := keys.seal([]byte(webauthn.AAGUID(drawn[16:]).String()), random)
	if err != nil {
		return nil, err
	}
	data, err := keys.seal(vault, random)
	if err != nil {
		return nil, err
	}
	return marshal(bitwardenProtected{
		Encrypted: true, PasswordProtected: true,
		Salt: salt, KDFType: kdfPBKDF2, KDFIterations: iterations,
		Validation: validation, Data: data,
	})
}

// sealedType marks text as AES-256-CBC with HMAC-SHA-256 over initialization vector and ciphertext.
const sealedType = "2."

// seal encrypts to "2.iv|ciphertext|mac", each in base64.
func (k protectionKeys) seal(plain []byte, random io.Reader) (string, error) {
	iv := make([]byte, aes.BlockSize)
	if _, err := io.ReadFull(random, iv); err != nil {
		return "", fmt.Errorf("read random source: %w", err)
	}
	block, err := aes.NewCipher(k.encryption)
	if err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	fill := aes.BlockSize - len(plain)%aes.BlockSize // PKCS #7
	sealed := make([]byte, len(plain)+fill)
	for i := copy(sealed, plain); i < len(sealed); i++ {
		sealed[i] = byte(fill)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(sealed, sealed)
	encode := base64.StdEncoding.EncodeToString
	return sealedType + encode(iv) + "|" + encode(sealed) + "|" + encode(k.sum(iv, sealed)), nil
}

func (k protectionKeys) sum(iv, sealed []byte) []byte {
	mac := hmac.New(sha256.New, k.mac)
	mac.Write(iv)
	mac.Write(sealed)
	return mac.Sum(nil)
}

// errMAC is why sealed text of the right form does not open.
var errMAC = errors.New("the MAC is another one")

// open decrypts what seal made. It is errMAC for another key or changed text.
func (k protectionKeys) open(sealed string) ([]byte, error) {
	body, ok := strings.CutPrefix(sealed, sealedType)
	parts := strings.Split(body, "|")
	if !ok || len(parts) != 3 {
		return nil, errors.New(`want "2.iv|ciphertext|mac"`)
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = decodeStandard(part); err != nil {
			return nil, err
		}
	}
	iv, data := raw[0], raw[1]
	if len(iv) != aes.BlockSize || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("an initialization vector of %d and a ciphertext of %d bytes: want 16 and a multiple of it", len(iv), len(data))
	}
	if !hmac.Equal(raw[2], k.sum(iv, data)) {
		return nil, errMAC
	}
	block, err := aes.NewCipher(k.encryption)
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(data, data)
	fill := int(data[len(data)-1])
	if fill == 0 || fill > aes.BlockSize {
		return nil, errors.New("the padding is wrong")
	}
	return data[:len(data)-fill], nil
}

// unprotect opens a vault under a password.
func unprotect(doc *node, password string) (*node, error) {
	if protected := doc.get("passwordProtected"); protected == nil || protected.value != "true" {
		return nil, doc.get("encrypted").fail("the vault is encrypted by the key of the account it came from",
			`only that account can open it: export it again as "password protected", or as plain JSON`)
	}
	validation, err := doc.need("encKeyValidation_DO_NOT_EDIT")
	if err != nil {
		return nil, err
	}
	data, err := doc.need("data")
	if err != nil {
		return nil, err
	}
	if password == "" {
		failed := doc.get("encrypted").fail("the vault is protected by a password", "give the password that it was exported with")
		failed.cause = ErrPassword
		return nil, failed
	}
	keys, err := doc.deriveKeys(password)
	if err != nil {
		return nil, err
	}
	if _, err := keys.open(validation.value); err != nil {
		failed := validation.fail(err.Error(), "the file is damaged: export it again")
		if errors.Is(err, errMAC) {
			failed = validation.fail("the password is wrong", "give the password that it was exported with")
			failed.cause = ErrPassword
		}
		return nil, failed
	}
	plain, err := keys.open(data.value)
	if err != nil {
		return nil, data.fail(err.Error(), "the password is right, but the file is damaged: export it again")
	}
	return parseBelow(doc.format, data.name+": ", plain)
}

// need returns a text member that has to be there.
func (n *node) need(name string) (*node, error) {
	m := n.get(name)
	if m == nil || m.kind != text {
		return nil, n.fail(fmt.Sprintf("no text %q", name), "the file is damaged: export it again")
	}
	return m, nil
}

// bounded returns a numeric member from least to most.
func (n *node) bounded(name string, most uint32) (uint32, error) {
	m := n.get(name)
	if m == nil {
		return 0, n.fail(fmt.Sprintf("no %q", name), "the file is damaged: export it again")
	}
	if v, ok := count(m); ok && v >= 1 && v <= most {
		return v, nil
	}
	return 0, m.fail(fmt.Sprintf("%q: want a number from 1 to %d", m.value, most), "")
}

// deriveKeys does what the document says on how its key comes from the password.
func (n *node) deriveKeys(password string) (protectionKeys, error) {
	salt, err := n.need("salt")
	if err != nil {
		return protectionKeys{}, err
	}
	kind := n.get("kdfType")
	switch {
	case kind != nil && kind.value == kdfPBKDF2:
		iterations, err := n.bounded("kdfIterations", maxPBKDF2Iterations)
		if err != nil {
			return protectionKeys{}, err
		}
		derived, err := pbkdf2.Key(sha256.New, password, []byte(salt.value), int(iterations), 32)
		if err != nil {
			return protectionKeys{}, fmt.Errorf("derive key: %w", err)
		}
		return stretch(derived)
	case kind != nil && kind.value == kdfArgon2id:
		iterations, err1 := n.bounded("kdfIterations", maxArgon2Iterations)
		memory, err2 := n.bounded("kdfMemory", maxArgon2Memory)
		threads, err3 := n.bounded("kdfParallelism", maxArgon2Threads)
		for _, err := range []error{err1, err2, err3} {
			if err != nil {
				return protectionKeys{}, err
			}
		}
		// Argon2 wants a salt of a certain length, so that text's hash is taken.
		hashed := sha256.Sum256([]byte(salt.value))
		return stretch(argon2.IDKey([]byte(password), hashed[:], iterations, memory<<10, uint8(threads), 32)) //nolint:gosec // G115: at most maxArgon2Threads
	}
	return protectionKeys{}, n.fail("kdfType: want 0 (PBKDF2) or 1 (Argon2id)", "")
}
