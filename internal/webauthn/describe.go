package webauthn

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
)

// DescribeClientData returns a readable view of clientDataJSON for reports: its members by name,
// and "error" if it cannot be read. The result can always be marshaled to JSON.
func DescribeClientData(data []byte) map[string]any {
	view := map[string]any{"length": len(data)}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		view["byteOrderMark"] = true
	}
	c, err := ParseClientData(data)
	if err != nil {
		return withError(view, err, data)
	}
	view["type"], view["challenge"], view["origin"], view["crossOrigin"] = c.Type, c.Challenge, c.Origin, c.CrossOrigin
	if c.TopOrigin != "" {
		view["topOrigin"] = c.TopOrigin
	}
	if len(c.Extra) > 0 {
		extra := map[string]json.RawMessage{}
		for _, m := range c.Extra {
			extra[m.Name] = m.Value
		}
		view["extra"] = extra
	}
	return view
}

// DescribeAuthenticatorData returns a readable view of authenticator data: the RP ID hash in
// hexadecimal, flags by name, the counter, the credential with its key, and the extensions.
// Malformed bytes give "error" and "hex".
func DescribeAuthenticatorData(data []byte) map[string]any {
	view := map[string]any{"length": len(data)}
	a, err := ParseAuthenticatorData(data)
	if err != nil {
		if len(data) >= minAuthData {
			view["rpIdHash"] = hex.EncodeToString(data[:32])
			view["flags"] = Flags(data[32]).Names()
		}
		return withError(view, err, data)
	}
	view["rpIdHash"] = hex.EncodeToString(a.RPIDHash[:])
	view["flags"] = a.Flags.Names()
	view["signCount"] = a.SignCount
	if a.Attested != nil {
		view["aaguid"] = a.Attested.AAGUID.String()
		view["credentialId"] = Base64URL(a.Attested.CredentialID).String()
		view["publicKey"] = describeKey(a.Attested.PublicKey)
	}
	if len(a.Extensions) > 0 {
		view["extensions"] = describeCBOR(a.Extensions)
	}
	return view
}

// DescribeAttestation returns a readable view of an attestation object: the format, the
// statement with its certificates named, and the authenticator data.
func DescribeAttestation(data []byte) map[string]any {
	view := map[string]any{"length": len(data)}
	o, err := ParseAttestationObject(data)
	if err != nil {
		return withError(view, err, data)
	}
	view["fmt"] = o.Format
	view["attStmt"] = describeStatement(o.Statement)
	view["authData"] = DescribeAuthenticatorData(o.AuthData)
	if !CanonicalCBOR(data) {
		view["canonical"] = false
	}
	return view
}

func withError(view map[string]any, err error, data []byte) map[string]any {
	const limit = 2048 // bytes; a report needs no more of what cannot be read
	view["error"] = err.Error()
	view["hex"] = hex.EncodeToString(data[:min(len(data), limit)])
	return view
}

func describeKey(data []byte) map[string]any {
	key, err := ParseCOSEKey(data)
	if err != nil {
		return withError(map[string]any{"length": len(data)}, err, data)
	}
	view := map[string]any{"alg": key.Algorithm.String(), "algId": int64(key.Algorithm), "hex": hex.EncodeToString(data)}
	if len(key.Extra) > 0 {
		view["extra"] = key.Extra
	}
	return view
}

// describeStatement is describeCBOR with the algorithm and the certificates made readable.
func describeStatement(data []byte) any {
	view, ok := describeCBOR(data).(map[string]any)
	if !ok {
		return describeCBOR(data)
	}
	var known struct {
		Alg *int64   `cbor:"alg"`
		X5C [][]byte `cbor:"x5c"`
	}
	if DecodeCBOR(data, &known) != nil {
		return view
	}
	if known.Alg != nil {
		view["alg"] = Algorithm(*known.Alg).String()
	}
	if known.X5C != nil {
		certificates := make([]map[string]any, len(known.X5C))
		for i, der := range known.X5C {
			certificates[i] = describeCertificate(der)
		}
		view["x5c"] = certificates
	}
	return view
}

func describeCertificate(der []byte) map[string]any {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return withError(map[string]any{"length": len(der)}, err, der)
	}
	return map[string]any{
		"subject":   cert.Subject.String(),
		"issuer":    cert.Issuer.String(),
		"notBefore": cert.NotBefore,
		"notAfter":  cert.NotAfter,
		"length":    len(der),
	}
}

// describeCBOR turns any CBOR item into JSON values: byte strings as base64url, map keys as text.
func describeCBOR(data []byte) any {
	var v any
	if err := DecodeCBOR(data, &v); err != nil {
		return withError(map[string]any{"length": len(data)}, err, data)
	}
	return jsonable(v)
}

func jsonable(v any) any {
	switch v := v.(type) {
	case []byte:
		return Base64URL(v).String()
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = jsonable(item)
		}
		return list
	case map[any]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			m[fmt.Sprint(key)] = jsonable(item)
		}
		return m
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
		return v
	case big.Int:
		return v.String()
	case nil, bool, string, int64:
		return v
	default:
		return fmt.Sprint(v)
	}
}
