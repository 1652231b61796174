package vault_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/virtual/vault"
)

// TestHostileSizes reads documents that are made to cost time and memory: each is refused at a bound, before it does.
func TestHostileSizes(t *testing.T) {
	for _, test := range []struct{ name, data, want string }{
		{"100 MB of spaces", `{"accounts":[` + strings.Repeat(" ", 100<<20) + `]}`, "the document has 104857615 bytes, want at most 33554432"},
		{"many values", `{"accounts":[` + strings.Repeat("0,", 12<<20) + `0]}`, "there are more than 1000000 values"},
		{"many names", `{"accounts":[{"items":[` + strings.Repeat(`{"":0},`, 3<<20) + `{}]}]}`, "there are more than 1000000 values"},
		{"a deep list", strings.Repeat("[", 10<<20), "not JSON"},
		{"a deep list that ends", strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "nested deeper than 128 levels"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			_, _, err := vault.Import("", []byte(test.data), vault.ImportOptions{})
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			failed, ok := errors.AsType[*vault.FormatError](err)
			if !ok || !strings.Contains(failed.Error(), test.want) || len(failed.Error()) > 1000 {
				t.Fatalf("got %.300v, want %s", err, test.want)
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > 512<<20 || took > 20*time.Second {
				t.Errorf("it took %v and %d MiB", took, made>>20)
			}
		})
	}
}

// TestHostileKey has an RSA key that would take long to check.
func TestHostileKey(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	long := append(marshalKey(t, key), bytes.Repeat([]byte{0}, 100_000)...)
	passkeys, lost := imported(t, vault.CXF, account(credential(t, "a", map[string]any{"key": b64(long)})), vault.ImportOptions{})
	if len(passkeys) != 0 || len(lost) != 1 || !strings.Contains(lost[0].Why, "bytes, want at most 16384") {
		t.Errorf("%d passkeys, %+v", len(passkeys), lost)
	}
}
