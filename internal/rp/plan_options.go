package rp

import (
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/scenarios"
)

// Options are a ceremony's options, as far as a client needs them that knows one passkey. Texts point into the answer, and
// are valid as long as that is.
type Options struct {
	// Ordinary says that the options hold nothing that such a client does not know. Without it, only JSON, Challenge and
	// RPID mean something, and the client has to be a full one.
	Ordinary bool
	// JSON are the options as [Ceremony] has them. It is nil for ordinary ones that were as they have to be.
	JSON json.RawMessage

	Challenge        string // unpadded base64url
	RPID             string // the origin's host where neither the options nor the target state one
	UserVerification string
	CredProps        bool

	Listed bool // the list of credentials is not empty: allowCredentials, or excludeCredentials of a registration
	Known  bool // and has the user's

	// Of a registration:
	UserID             string // unpadded base64url
	Algorithms         []int  // COSE identifiers of pubKeyCredParams, in order
	Attestation        string
	Attachment         string // authenticatorSelection.authenticatorAttachment
	ResidentKey        string
	RequireResidentKey bool

	raw    gjson.Result
	stated stated
	own    []byte // id of the user's credential, unpadded base64url
}

// stated is a set of members that the options have.
type stated uint8

const (
	statedChallenge stated = 1 << iota
	statedRPID
	statedRP
	statedUser
	statedParameters

	statedCreation = statedChallenge | statedRP | statedUser | statedParameters
)

// prepareOptions finds out whether the step's options can be read where they are.
func (s *PlanStep) prepareOptions() {
	spec := s.spec.Options
	if spec.Compose != nil || len(spec.Encoding) > 0 || len(spec.Rename) > 0 || s.plan.op.Uses("options") {
		return
	}
	s.reader = true
	if spec.At != nil {
		place, ok := spec.At.Place()
		s.at, s.reader = &place, ok
	}
}

// ReadOptions reads the options that the answer holds. credentialID is the one that the user has, in unpadded base64url.
func (s *PlanStep) ReadOptions(v *Values, a *Reply, credentialID []byte, o *Options) *Fault {
	*o = Options{Algorithms: o.Algorithms[:0], own: credentialID}
	registration := s.plan.Operation == scenarios.OpRegister
	if s.reader {
		if at := s.find(a); at.sure && o.read(at.value, registration) {
			s.fillRPID(o)
			o.Ordinary = true
			return nil
		}
	}
	r, err := s.answered(v, a)
	if err != nil {
		return asFault(err)
	}
	if err := r.readOptions(s.spec.Options); err != nil {
		return asFault(err)
	}
	v.options = r.options
	*o = Options{Algorithms: o.Algorithms[:0], own: o.own}
	o.Ordinary = len(r.result.Options) <= maxScanned && o.read(gjson.ParseBytes(r.result.Options), registration)
	o.JSON = r.result.Options
	if options, ok := r.options.(map[string]any); ok && !o.Ordinary {
		o.pick(options, registration)
	}
	s.fillRPID(o)
	return nil
}

// pick takes what counts out of options that are not ordinary: reading may have ended before it came to that. The
// interpreter has filled in the target's RP ID.
func (o *Options) pick(options map[string]any, registration bool) {
	o.Challenge, _ = options["challenge"].(string)
	party := options
	name := "rpId"
	if registration {
		party, _ = options["rp"].(map[string]any)
		name = "id"
	}
	o.RPID, _ = party[name].(string)
	o.stated |= statedRPID
}

// Full are the options in the form of [Ceremony].
func (o *Options) Full() json.RawMessage {
	if o.JSON == nil {
		o.JSON = json.RawMessage(strings.Clone(o.raw.Raw))
	}
	return o.JSON
}

// find is where the options are in an answer.
func (s *PlanStep) find(a *Reply) found {
	if s.at != nil {
		return a.look(s.at)
	}
	whole := a.look(&scenarios.Place{Root: "body"})
	if !whole.sure || !whole.value.IsObject() {
		return found{}
	}
	inner, sure := member(whole.value, "publicKey")
	if !sure || inner.Exists() {
		return found{inner, sure}
	}
	return whole
}

// fillRPID does for ordinary options what the client does without an RP ID.
func (s *PlanStep) fillRPID(o *Options) {
	target := &s.plan.planner.party.target
	if o.stated&statedRPID == 0 && target.RPID != "" {
		o.RPID = target.RPID
		o.JSON = o.withRPID(target.RPID)
	}
	if o.RPID == "" {
		if u, err := url.Parse(target.Origin); err == nil {
			o.RPID = strings.ToLower(u.Hostname())
		}
	}
}

// withRPID are the options with an RP ID that they leave out. It is only needed by a full client.
func (o *Options) withRPID(id string) json.RawMessage {
	if o.JSON != nil {
		return o.JSON // the interpreter has filled it in
	}
	var m map[string]any
	if json.Unmarshal([]byte(o.raw.Raw), &m) != nil {
		return nil
	}
	if rp, ok := m["rp"].(map[string]any); ok {
		rp["id"] = id
	} else {
		m["rpId"] = id
	}
	out, err := json.Marshal(m)
	if err != nil {
		return nil
	}
	return out
}

// read reads options that are as ordinary as they can be, and reports false for all others.
func (o *Options) read(options gjson.Result, registration bool) bool {
	o.raw = options
	if registration {
		return each(options, o.creationMember) && o.stated&statedCreation == statedCreation
	}
	return each(options, o.requestMember) && o.stated&statedChallenge != 0
}

func (o *Options) requestMember(name string, value gjson.Result) bool {
	switch name {
	case "rpId":
		o.stated |= statedRPID
		return text(value, &o.RPID)
	case "allowCredentials":
		return o.list(value)
	case "userVerification":
		return text(value, &o.UserVerification)
	}
	return o.commonMember(name, value)
}

func (o *Options) creationMember(name string, value gjson.Result) bool {
	switch name {
	case "rp":
		o.stated |= statedRP
		return o.relyingParty(value)
	case "user":
		o.stated |= statedUser
		return o.user(value)
	case "pubKeyCredParams":
		o.stated |= statedParameters
		return o.parameters(value)
	case "excludeCredentials":
		return o.list(value)
	case "authenticatorSelection":
		return each(value, o.selection)
	case "attestation":
		return text(value, &o.Attestation)
	case "attestationFormats":
		return texts(value)
	}
	return o.commonMember(name, value)
}

func (o *Options) commonMember(name string, value gjson.Result) bool {
	switch name {
	case "challenge":
		o.stated |= statedChallenge
		return binary(value, &o.Challenge)
	case "timeout":
		return whole(value)
	case "hints":
		return texts(value)
	case "extensions":
		return each(value, o.extension)
	}
	return true // a client ignores what it does not know
}

// each goes through an object. It reports false for anything else, for one with a name twice, with escapes in a name or
// with very many names, and as soon as visit does.
func each(object gjson.Result, visit func(name string, value gjson.Result) bool) bool {
	if !object.IsObject() {
		return false
	}
	var names [24]string
	count, ok := 0, true
	object.ForEach(func(key, value gjson.Result) bool {
		name := key.Str
		if ok = count < len(names) && len(key.Raw) == len(name)+2 && !slices.Contains(names[:count], name); !ok {
			return false
		}
		names[count] = name
		count++
		ok = visit(name, value)
		return ok
	})
	return ok
}

func (o *Options) relyingParty(value gjson.Result) bool {
	named := false
	return each(value, func(name string, v gjson.Result) bool {
		switch name {
		case "id":
			o.stated |= statedRPID
			return text(v, &o.RPID)
		case "name":
			named = v.Type == gjson.String
			return named
		}
		return true
	}) && named
}

const maxUserID = 86 // 64 bytes in base64url

func (o *Options) user(value gjson.Result) bool {
	names := 0
	return each(value, func(name string, v gjson.Result) bool {
		switch name {
		case "id":
			return binary(v, &o.UserID) && len(o.UserID) <= maxUserID
		case "name", "displayName":
			names++
			return v.Type == gjson.String
		}
		return true
	}) && names == 2 && o.UserID != ""
}

func (o *Options) parameters(value gjson.Result) bool {
	return all(value, func(entry gjson.Result) bool {
		kind, alg, known := "", 0, false
		ok := each(entry, func(name string, v gjson.Result) bool {
			switch name {
			case "type":
				return text(v, &kind)
			case "alg":
				alg, known = int(v.Num), whole(v)
				return known
			}
			return true
		})
		o.Algorithms = append(o.Algorithms, alg)
		return ok && known && kind == publicKey
	})
}

const publicKey = "public-key" // WebAuthn L3 §5.8.2

// list reads allowCredentials or excludeCredentials.
func (o *Options) list(value gjson.Result) bool {
	return all(value, func(entry gjson.Result) bool {
		var kind, id string
		ok := each(entry, func(name string, v gjson.Result) bool {
			switch name {
			case "type":
				return text(v, &kind)
			case "id":
				return binary(v, &id)
			case "transports":
				return texts(v)
			}
			return true
		})
		o.Listed, o.Known = true, o.Known || id == string(o.own)
		return ok && kind == publicKey && id != ""
	})
}

func (o *Options) selection(name string, v gjson.Result) bool {
	switch name {
	case "authenticatorAttachment":
		return text(v, &o.Attachment)
	case "residentKey":
		return text(v, &o.ResidentKey)
	case "userVerification":
		return text(v, &o.UserVerification)
	case "requireResidentKey":
		o.RequireResidentKey = v.Bool()
		return v.IsBool()
	}
	return true
}

func (o *Options) extension(name string, v gjson.Result) bool {
	o.CredProps = v.Bool()
	return name == "credProps" && v.IsBool()
}

// text reads a clean text.
func text(v gjson.Result, into *string) (ok bool) {
	*into, ok = clean(v)
	return ok
}

// whole reports whether the value is a whole number that is not very large.
func whole(v gjson.Result) bool {
	return v.Type == gjson.Number && v.Num == math.Trunc(v.Num) && math.Abs(v.Num) < 1<<31
}

// all reports whether the value is a list, and visit true for each of its elements.
func all(list gjson.Result, visit func(element gjson.Result) bool) bool {
	ok := list.IsArray()
	if ok {
		list.ForEach(func(_, element gjson.Result) bool {
			ok = visit(element)
			return ok
		})
	}
	return ok
}

// texts reports whether the value is a list of texts.
func texts(v gjson.Result) bool {
	return all(v, func(element gjson.Result) bool { return element.Type == gjson.String })
}

// binary reads unpadded base64url that is as it has to be: what the interpreter would write again in the same way.
func binary(v gjson.Result, into *string) bool {
	s, ok := clean(v)
	if !ok || s == "" {
		return false
	}
	last, bad := webauthn.Base64URLEnd(s)
	*into = s
	return bad < 0 && last == s[len(s)-1]
}
