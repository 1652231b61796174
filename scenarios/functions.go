package scenarios

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
)

// function is one that this language adds to the expression language.
type function struct {
	takes int
	doc   string // for the reference: what it gives
	call  func(args ...any) (any, error)
}

// functionTable is every added function by name. None of them reads a clock, randomness or files, so
// an expression always comes out the same.
func functionTable() map[string]function {
	return map[string]function{
		"base64url":     {1, "Text or bytes as base64url without padding.", encodes(base64.RawURLEncoding.EncodeToString)},
		"base64":        {1, "Text or bytes as standard base64 with padding.", encodes(base64.StdEncoding.EncodeToString)},
		"hex":           {1, "Text or bytes as lower-case hexadecimal.", encodes(hex.EncodeToString)},
		"fromBase64url": {1, "What base64url text stands for, as text; padding is optional.", decodes("base64url", fromBase64URL)},
		"fromBase64":    {1, "What standard base64 text stands for, as text; padding is optional.", decodes("base64", fromBase64)},
		"fromHex":       {1, "What hexadecimal text stands for, as text.", decodes("hexadecimal", hex.DecodeString)},
		"urlEncode":     {1, "Text for use in a path or query, with everything but letters, digits and -._~ escaped.", encodes(urlEncode)},
		"sha256":        {1, "The SHA-256 of text or bytes, as bytes: hex(sha256(x)).", sum256},
		"hmacSHA256":    {2, "HMAC-SHA-256 of key and message, as bytes: base64(hmacSHA256(key, message)).", hmac256},
		"json":          {1, "Any value as compact JSON text.", toJSON},
		"parseJSON":     {1, "What JSON text stands for.", parseJSON},
	}
}

// leftOut are built-in functions of the expression language that this one does not have, with what to
// do instead: they read the clock or time zone files, or repeat what the functions above do.
func leftOut() map[string]string {
	const clock = "expressions cannot see the clock, so that a run can be repeated"
	return map[string]string{
		"now": clock, "date": clock, "timezone": clock,
		"toJSON": "it is called json here", "fromJSON": "it is called parseJSON here", "toBase64": "it is called base64 here",
		"fromBase64": "",
	}
}

func functionOptions() []expr.Option {
	var options []expr.Option
	for name := range leftOut() {
		options = append(options, expr.DisableBuiltin(name))
	}
	for name, f := range functionTable() {
		signature := any(new(func(any) any))
		if f.takes == 2 {
			signature = new(func(any, any) any)
		}
		options = append(options, expr.Function(name, f.call, signature))
	}
	return options
}

func octets(v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return []byte(v), nil
	case []byte:
		return v, nil
	}
	return nil, fmt.Errorf("expected text or bytes, got %s", describe(v))
}

func encodes(encode func([]byte) string) func(...any) (any, error) {
	return func(args ...any) (any, error) {
		b, err := octets(args[0])
		if err != nil {
			return nil, err
		}
		return encode(b), nil
	}
}

func decodes(what string, decode func(string) ([]byte, error)) func(...any) (any, error) {
	return func(args ...any) (any, error) {
		b, err := octets(args[0])
		if err != nil {
			return nil, err
		}
		out, err := decode(strings.TrimSpace(string(b)))
		if err != nil {
			return nil, fmt.Errorf("%q is not %s", clip(string(b)), what)
		}
		return string(out), nil
	}
}

func fromBase64URL(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}

func fromBase64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}

func urlEncode(b []byte) string {
	return strings.ReplaceAll(url.QueryEscape(string(b)), "+", "%20")
}

func sum256(args ...any) (any, error) {
	b, err := octets(args[0])
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	return sum[:], nil
}

func hmac256(args ...any) (any, error) {
	key, err := octets(args[0])
	if err != nil {
		return nil, err
	}
	message, err := octets(args[1])
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	return mac.Sum(nil), nil
}

func toJSON(args ...any) (any, error) {
	var b bytes.Buffer
	if err := appendJSON(&b, args[0]); err != nil {
		return nil, fmt.Errorf("the value %w", err)
	}
	return b.String(), nil
}

func parseJSON(args ...any) (any, error) {
	b, err := octets(args[0])
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(b) {
		return nil, fmt.Errorf("%q is not JSON", clip(string(b)))
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil || dec.More() {
		return nil, fmt.Errorf("%q is not JSON", clip(string(b)))
	}
	return numbers(v), nil
}

// numbers turns JSON numbers into int where they are whole and fit, else into float64.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.Atoi(v.String()); err == nil {
			return i
		}
		f, _ := v.Float64() // out of range is infinite, as in JavaScript
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}
