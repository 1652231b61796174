package html

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/passrig/passrig/report"
)

// decoded is a decoded structure as a table.
type decoded struct {
	Name   string
	Fields []field
	Open   bool
}

type field struct {
	Path, Meaning, Value string
}

func decodeCeremony(c *report.Ceremony) []decoded {
	all := []decoded{
		{Name: "Client data", Fields: fields(c.ClientData), Open: true},
		{Name: "Authenticator data", Fields: fields(c.AuthData), Open: true},
		{Name: "Attestation", Fields: fields(c.Attestation)},
		{Name: "Options from the relying party", Fields: fields(c.Options)},
		{Name: "Credential as sent", Fields: fields(c.Response)},
	}
	return filled(all)
}

// decodeCase takes apart what a check sent.
func decodeCase(c *report.CheckCase) []decoded {
	return filled([]decoded{{Name: "Client data", Fields: fields(c.ClientData)}, {Name: "Authenticator data", Fields: fields(c.AuthData)}})
}

func filled(all []decoded) []decoded {
	return slices.DeleteFunc(all, func(d decoded) bool { return len(d.Fields) == 0 })
}

// Evidence can be any tree, and a page has to end somewhere.
const (
	maxFields = 200
	maxValue  = 4 << 10
)

// fields flattens a JSON tree into rows of path and value, keys sorted.
func fields(v any) []field {
	if v == nil {
		return nil
	}
	var plain any
	data, err := json.Marshal(v)
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		err = dec.Decode(&plain)
	}
	if err != nil {
		return []field{{Path: "not shown", Value: err.Error()}}
	}
	f := flattener{}
	f.walk("", plain)
	if f.left > 0 {
		f.rows = append(f.rows, field{Path: "…", Value: fmt.Sprintf("%d more, see the JSON report", f.left)})
	}
	return f.rows
}

type flattener struct {
	rows []field
	left int
}

func (f *flattener) walk(path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			sub := key
			if path != "" {
				sub = path + "." + key
			}
			f.walk(sub, v[key])
		}
		if len(v) == 0 {
			f.add(path, "{} (empty)")
		}
	case []any:
		if line, ok := oneLine(v); ok {
			f.add(path, line)
			return
		}
		for i := range v {
			f.walk(fmt.Sprintf("%s[%d]", path, i), v[i])
		}
	case nil:
		f.add(path, "null")
	default:
		f.add(path, fmt.Sprint(v))
	}
}

func (f *flattener) add(path, value string) {
	if len(f.rows) >= maxFields {
		f.left++
		return
	}
	if len(value) > maxValue {
		value = strings.ToValidUTF8(value[:maxValue], "") + " … (cut)"
	}
	f.rows = append(f.rows, field{Path: path, Meaning: meaning(path, value), Value: value})
}

// oneLine writes a list of short words or numbers, such as flags or transports, in one row.
func oneLine(list []any) (string, bool) {
	words := make([]string, len(list))
	for i, v := range list {
		switch v.(type) {
		case string, json.Number, bool:
		default:
			return "", false
		}
		words[i] = fmt.Sprint(v)
		if len(words[i]) > 24 {
			return "", false
		}
	}
	if len(words) == 0 {
		return "[] (empty)", true
	}
	return strings.Join(words, ", "), true
}

// meaning explains the fields that are known by abbreviations (WebAuthn L3 §6.1).
func meaning(path, value string) string {
	switch path[strings.LastIndexByte(path, '.')+1:] {
	case "flags":
		return flagMeanings(value)
	case "aaguid":
		return "the authenticator's model"
	case "rpIdHash":
		return "SHA-256 of rp.id"
	case "algId":
		return "COSE algorithm"
	}
	return ""
}

func flagMeanings(value string) string {
	words := map[string]string{
		"UP": "user present", "UV": "user verified", "BE": "backup eligible", "BS": "backed up",
		"AT": "credential data included", "ED": "extensions included", "RFU1": "reserved bit 1", "RFU2": "reserved bit 5",
	}
	var known []string
	for flag := range strings.SplitSeq(value, ", ") {
		if w := words[flag]; w != "" {
			known = append(known, w)
		}
	}
	return strings.Join(known, ", ")
}

// exchange is an HTTP exchange as text.
type exchange struct {
	Look              string // class of the status: "ok", "bad" or "none"
	Purpose, Line     string
	Status, Duration  string
	Request, Response string
	Size              string
	Error, Curl       string
}

func newExchange(x *report.Exchange) exchange {
	out := exchange{
		Purpose: x.Purpose, Line: x.Request.Method + " " + pathOf(x.Request.URL), Duration: report.FormatMS(x.Timing.TotalMS),
		Request: message(x.Request.Method+" "+x.Request.URL, x.Request.Headers, x.Request.Body),
		Error:   x.Error, Curl: x.Curl, Look: "none", Status: "no answer",
	}
	if r := x.Response; r != nil {
		out.Status, out.Look = fmt.Sprintf("status %d", r.Status), "ok"
		if r.Status >= 400 {
			out.Look = "bad"
		}
		out.Response = message(strings.TrimSpace(fmt.Sprintf("%s %d", r.Proto, r.Status)), r.Headers, r.Body)
		out.Size = fmt.Sprintf("%d bytes", r.BodyBytes)
		if r.Truncated {
			out.Size += ", cut here"
		}
	}
	return out
}

// message writes one side of an exchange. JSON bodies are indented, since RPs send them in one line.
func message(first string, headers []report.Header, body string) string {
	var b strings.Builder
	b.WriteString(first + "\n")
	for _, h := range headers {
		b.WriteString(h.Name + ": " + h.Value + "\n")
	}
	if body == "" {
		return b.String()
	}
	b.WriteString("\n")
	var pretty bytes.Buffer
	if json.Indent(&pretty, []byte(body), "", "  ") == nil {
		body = pretty.String()
	}
	b.WriteString(body)
	return b.String()
}
