package forge_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/forge"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestChanges writes down, for every change there is, how the forged response differs from the
// legal one, part by part, and what an independent library says to it.
func TestChanges(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := newRig(t, config("ES256", virtual.AttestationPackedSelf))
	legal := map[string]map[string]string{
		forge.Create: flatten(t, marshal(t, r.registration)),
		forge.Get:    flatten(t, marshal(t, r.assertion)),
	}
	for _, kind := range forge.Kinds() {
		for _, value := range samples(kind) {
			for _, ceremony := range kind.Ceremonies {
				fmt.Fprintf(&out, "%s %s: %s\n", ceremony, kind.Name, marshal(t, value))
				forged, err := r.forge(ceremony, change(kind.Name, value))
				if err != nil {
					if !errors.Is(err, forge.ErrNotApplicable) {
						t.Errorf("%s %s %v: %v", ceremony, kind.Name, value, err)
					}
					fmt.Fprintf(&out, "  error: %v\n", err)
					continue
				}
				got := flatten(t, forged)
				if cmp.Equal(got, legal[ceremony]) {
					fmt.Fprintln(&out, "  no difference")
				}
				for _, line := range differences(legal[ceremony], got) {
					fmt.Fprintln(&out, "  "+line)
				}
				verdict := "accepted"
				if r.finish(ceremony, forged) != nil {
					verdict = "refused"
				}
				fmt.Fprintln(&out, "  => "+verdict)
			}
		}
	}
	golden(t, "changes.golden", out.Bytes())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); run with -update if that is right:\n%s", path, diff)
	}
}

// flatten takes a response apart as far as it goes: text by path.
func flatten(tb testing.TB, response []byte) map[string]string {
	tb.Helper()
	var tree any
	must(tb, json.Unmarshal(response, &tree))
	flat := map[string]string{}
	walk("", tree, flat)
	return flat
}

func walk(path string, v any, flat map[string]string) {
	switch typed := v.(type) {
	case map[string]any:
		if len(typed) == 0 {
			flat[path] = "{}"
		}
		for name, member := range typed {
			walk(strings.TrimPrefix(path+"."+name, "."), member, flat)
		}
		return
	case string:
		if b, err := webauthn.DecodeBase64URL(typed); err == nil && takeApart(path, b, flat) {
			return
		}
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	flat[path] = string(data)
}

// takeApart reads the binary members that hold something. It reports whether it could.
func takeApart(path string, b []byte, flat map[string]string) bool {
	switch path {
	case "response.clientDataJSON":
		flat[path] = fmt.Sprintf("%q", b)
	case "response.attestationObject":
		o, err := webauthn.ParseAttestationObject(b)
		if err != nil {
			return false
		}
		if encoded, err := o.Marshal(); err != nil || !bytes.Equal(encoded, b) {
			flat[path] = "not canonical: " + short(hex.EncodeToString(b))
		}
		flat[path+".fmt"], flat[path+".attStmt"] = o.Format, statement(o.Statement)
		if !authDataParts(path+".authData", o.AuthData, flat) {
			flat[path+".authData"] = hex.EncodeToString(o.AuthData)
		}
	case "response.authenticatorData":
		return authDataParts(path, b, flat)
	default:
		return false
	}
	return true
}

// statement shows what is in an attestation statement, with byte strings as a digest.
func statement(encoded []byte) string {
	var decoded any
	if err := webauthn.DecodeCBOR(encoded, &decoded); err != nil {
		return short(hex.EncodeToString(encoded))
	}
	return fmt.Sprint(digested(decoded))
}

func digested(v any) any {
	switch typed := v.(type) {
	case string:
		return strconv.Quote(typed)
	case []byte:
		return fmt.Sprintf("%d bytes %.4x", len(typed), sha256.Sum256(typed))
	case []any:
		for i := range typed {
			typed[i] = digested(typed[i])
		}
	case map[any]any:
		for key := range typed {
			typed[key] = digested(typed[key])
		}
	}
	return v
}

func authDataParts(path string, b []byte, flat map[string]string) bool {
	a, err := webauthn.ParseAuthenticatorData(b)
	if err != nil {
		return false
	}
	flat[path+".rpIdHash"] = fmt.Sprintf("%x", a.RPIDHash)
	flat[path+".flags"] = a.Flags.String()
	flat[path+".signCount"] = strconv.FormatUint(uint64(a.SignCount), 10)
	if a.Attested != nil {
		flat[path+".aaguid"] = a.Attested.AAGUID.String()
		flat[path+".credentialId"] = fmt.Sprintf("%d %x", len(a.Attested.CredentialID), a.Attested.CredentialID)
		flat[path+".key"] = hex.EncodeToString(a.Attested.PublicKey)
	}
	if a.Extensions != nil {
		flat[path+".extensions"] = hex.EncodeToString(a.Extensions)
	}
	return true
}

// digest shortens what differs in every signed response and is verified elsewhere.
func digest(path, text string) string {
	if path == "response.signature" {
		return fmt.Sprintf("%d characters %.4x", len(text), sha256.Sum256([]byte(text)))
	}
	return short(text)
}

func differences(legal, got map[string]string) []string {
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(legal)) {
		if text, ok := got[path]; !ok {
			lines = append(lines, "- "+path)
		} else if text != legal[path] {
			lines = append(lines, "~ "+path+": "+digest(path, text))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(got)) {
		if _, ok := legal[path]; !ok {
			lines = append(lines, "+ "+path+": "+digest(path, got[path]))
		}
	}
	return lines
}

func short(text string) string {
	const longest = 160
	if len(text) > longest {
		return fmt.Sprintf("%s… (%d)", text[:longest], len(text))
	}
	return text
}
