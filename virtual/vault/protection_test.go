package vault

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

const password = "correct horse"

// protectedWith puts an empty vault under a password, and changes members of what comes out; nil removes one.
func protectedWith(t *testing.T, changes map[string]any) []byte {
	t.Helper()
	data, err := protect([]byte(`{"encrypted":false,"items":[]}`), password, 1000, nil)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range changes {
		members[name] = value
		if value == nil {
			delete(members, name)
		}
	}
	if data, err = json.Marshal(members); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestUnprotect(t *testing.T) {
	t.Parallel()
	derived := func(salt string) protectionKeys {
		hashed := sha256.Sum256([]byte(salt))
		keys, err := stretch(argon2.IDKey([]byte(password), hashed[:], 2, 16<<10, 1, 32))
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	seal := func(plain string) string {
		sealed, err := derived("salt").seal([]byte(plain), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	argon := func(data string) map[string]any {
		return map[string]any{
			"salt": "salt", "kdfType": 1, "kdfIterations": 2, "kdfMemory": 16, "kdfParallelism": 1,
			"encKeyValidation_DO_NOT_EDIT": seal("any"), "data": seal(data),
		}
	}
	with := func(members map[string]any, name string, value any) map[string]any {
		members[name] = value
		return members
	}
	for _, test := range []struct {
		name     string
		changes  map[string]any
		password string
		want     string // part of the error; empty for none
		hint     string
		secret   bool // the error is about the password
	}{
		{name: "PBKDF2", password: password},
		{name: "Argon2id", changes: argon(`{"items":[]}`), password: password},
		{name: "no password", want: "$.encrypted: the vault is protected by a password", hint: "give the password", secret: true},
		{name: "a wrong password", password: "x", want: "encKeyValidation_DO_NOT_EDIT: the password is wrong", hint: "give the password", secret: true},
		{name: "no salt", changes: map[string]any{"salt": nil}, password: password, want: `no text "salt"`, hint: "damaged"},
		{name: "no data", changes: map[string]any{"data": 7}, password: password, want: `no text "data"`, hint: "damaged"},
		{name: "no validation", changes: map[string]any{"encKeyValidation_DO_NOT_EDIT": nil}, password: password, want: "no text", hint: "damaged"},
		{name: "another derivation", changes: map[string]any{"kdfType": 2}, password: password, want: "kdfType: want 0 (PBKDF2) or 1 (Argon2id)"},
		{name: "no iterations", changes: map[string]any{"kdfIterations": nil}, password: password, want: `no "kdfIterations"`, hint: "damaged"},
		{name: "work for years", changes: map[string]any{"kdfIterations": 4000000000}, password: password, want: "want a number from 1 to 2000000"},
		{name: "all memory", changes: with(argon(""), "kdfMemory", 1<<20), password: password, want: "$.kdfMemory: \"1048576\": want a number from 1 to 1024"},
		{name: "no threads", changes: with(argon(""), "kdfParallelism", 0), password: password, want: "want a number from 1 to 16"},
		{name: "data without form", changes: map[string]any{"data": "2.AA"}, password: password, want: `want "2.iv|ciphertext|mac"`, hint: "damaged"},
		{name: "data of half a block", changes: map[string]any{"data": "2.AA==|AA==|AA=="}, password: password, want: "an initialization vector of 1", hint: "damaged"},
		{name: "data of no base64", changes: map[string]any{"data": "2.%|%|%"}, password: password, want: "illegal base64", hint: "damaged"},
		{name: "another file's data", changes: map[string]any{"data": seal(`{"items":[]}`)}, password: password, want: "$.data: the MAC is another one", hint: "damaged"},
		{name: "a broken vault inside", changes: argon("{"), password: password, want: "byte 0, data: $: not JSON", hint: "end of the file"},
		{name: "a vault without items inside", changes: argon("{}"), password: password, want: `data: $: the vault has no "items"`, hint: "empty list"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := Import("", protectedWith(t, test.changes), ImportOptions{Password: test.password})
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			failed, ok := errors.AsType[*FormatError](err)
			if !ok || !strings.Contains(failed.Error(), test.want) || !strings.Contains(failed.Hint, test.hint) || failed.Format != Bitwarden {
				t.Fatalf("got %+v, want %s (%s)", err, test.want, test.hint)
			}
			if errors.Is(err, ErrPassword) != test.secret {
				t.Errorf("about the password: %v", !test.secret)
			}
		})
	}
}

// TestProtection changes every byte of sealed text: none opens, and none shows anything of what is inside.
func TestProtection(t *testing.T) {
	t.Parallel()
	keys, err := stretch(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 40 {
		plain := bytes.Repeat([]byte{'p'}, n)
		sealed, err := keys.seal(plain, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := keys.open(sealed)
		if err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("%d bytes: %q, %v", n, opened, err)
		}
		for i := range sealed {
			changed := []byte(sealed)
			changed[i] ^= 1
			if opened, err := keys.open(string(changed)); err == nil {
				t.Errorf("%s opens as %q after a change of byte %d", changed, opened, i)
			}
		}
	}
}

// TestProtectedExport holds the whole file, as it is written, against what may be read in it.
func TestProtectedExport(t *testing.T) {
	t.Parallel()
	data, _, err := Export(Bitwarden, nil, ExportOptions{Password: password})
	if err != nil {
		t.Fatal(err)
	}
	var file bitwardenProtected
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if !file.Encrypted || !file.PasswordProtected || file.KDFType != "0" || file.KDFIterations != 600_000 || bytes.Contains(data, []byte("items")) {
		t.Errorf("%s", data)
	}
}
