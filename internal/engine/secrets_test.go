package engine

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/internal/demorp/demorptest"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/html"
	"github.com/passrig/passrig/report/jsonout"
	"github.com/passrig/passrig/report/junit"
	"github.com/passrig/passrig/report/terminal"
	"github.com/passrig/passrig/scenarios"
)

// Private keys have no way into a result. This looks for them all the same, in every format.
func TestPrivateKeysStayOut(t *testing.T) {
	t.Parallel()
	origin := demorptest.Start(t, nil)
	file, err := scenarios.Load("builtin:smoke", scenarios.Options{Origin: origin})
	if err != nil {
		t.Fatal(err)
	}
	var w *world
	result, err := runObserved(t, file, func(made *world) { w = made })
	if err != nil {
		t.Fatal(err)
	}
	var keys [][]byte
	for _, d := range w.devices {
		for _, c := range d.Credentials() {
			stored, err := d.Device.(*software).ExportCredential(c.ID)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, stored.PrivateKey, scalar(t, stored.PrivateKey))
		}
	}
	if len(keys) < 4 {
		t.Fatalf("%d keys to look for", len(keys))
	}
	writers := map[string]func(io.Writer, *report.Run) error{
		"json": jsonout.Write, "junit": junit.Write, "html": html.Write,
		"terminal": func(out io.Writer, run *report.Run) error {
			return terminal.Write(out, run, terminal.Options{Verbose: true})
		},
	}
	for name, write := range writers {
		var out bytes.Buffer
		if err := write(&out, result); err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			for _, form := range []string{
				base64.StdEncoding.EncodeToString(key), base64.RawURLEncoding.EncodeToString(key), hex.EncodeToString(key), string(key),
			} {
				if strings.Contains(out.String(), form) {
					t.Errorf("the %s report holds a private key", name)
				}
			}
		}
	}
}

func scalar(t *testing.T, pkcs8 []byte) []byte {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		t.Fatal(err)
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return key.Seed()
	case *ecdsa.PrivateKey:
		raw, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	default:
		t.Fatalf("a key of type %T", key)
		return nil
	}
}

// runObserved runs one file and shows the world that it ran in.
func runObserved(t *testing.T, file *scenarios.File, observe func(*world)) (*report.Run, error) {
	t.Helper()
	cfg := Config{Files: []*scenarios.File{file}, Seed: 9, Clock: time.Now, LookupEnv: os.LookupEnv, ReadFile: os.ReadFile}
	e, err := newEngine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWorld(e, file, "observed")
	if err != nil {
		return nil, err
	}
	observe(w)
	e.play(t.Context(), w)
	return e.finish(t.Context()), nil
}

func TestSecretNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"API_TOKEN": true, "DB_PASSWORD": true, "DBPASS": true, "PASS": true, "PASS2": true, "MY_PASSPHRASE": true, "ADMIN_PWD": true,
		"PASSCODE": true, "PIN": true, "CARD_PIN": true, "pin_2": true, "SEED_PHRASE": true, "SECRET": true,
		"SPINE": false, "PINGS": false, "HOST": false, "PASSRIG_ORIGIN": false, "PASSED": false,
	} {
		if got := secretName.MatchString(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
