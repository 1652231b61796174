package vault

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/webauthn"
	"github.com/passrig/passrig/virtual"
)

// reader collects what one import brings.
type reader struct {
	opts       ImportOptions
	aaguid     string
	algorithms []webauthn.Algorithm

	passkeys []virtual.StoredCredential
	lost     []Loss
	seen     map[string]bool // RP ID and credential ID of passkeys
	inItem   int             // passkeys of the current item so far
}

func newReader(o ImportOptions) (*reader, error) {
	r := &reader{opts: o, aaguid: noAAGUID(), seen: map[string]bool{}}
	if o.BackedUp && !o.BackupEligible {
		return nil, errors.New("options: backed up without being backup eligible is not a legal state (WebAuthn L3 §6.1.3)")
	}
	if o.AAGUID != "" {
		aaguid, err := webauthn.ParseAAGUID(o.AAGUID)
		if err != nil {
			return nil, fmt.Errorf("options: %w", err)
		}
		r.aaguid = aaguid.String()
	}
	if o.Algorithms == nil {
		r.algorithms = webauthn.Algorithms()
	}
	for _, name := range o.Algorithms {
		alg, err := webauthn.ParseAlgorithm(name)
		if err != nil {
			return nil, fmt.Errorf("options: %w", err)
		}
		r.algorithms = append(r.algorithms, alg)
	}
	return r, nil
}

// other reports something that is no passkey.
func (r *reader) other(at *node, member, why string) {
	r.lost = append(r.lost, Loss{Member: member, Why: why, Place: at.path()})
}

// keeps tells whether the importing provider keeps the data of an extension.
func (r *reader) keeps(extension string) bool {
	return r.opts.Extensions == nil || slices.Contains(r.opts.Extensions, extension)
}

// draft is a passkey while it is read.
type draft struct {
	reader *reader
	node   *node
	virtual.StoredCredential
	lost []Loss
	// broken is why nothing can be made of it.
	broken *Loss
}

// draft begins a passkey, with what the importing provider gives each.
func (r *reader) draft(n *node) *draft {
	d := &draft{reader: r, node: n}
	d.AAGUID = r.aaguid
	d.BackupEligible, d.BackedUp = r.opts.BackupEligible, r.opts.BackedUp
	d.Transports = slices.Clone(r.opts.Transports)
	d.Discoverable = true
	d.Created = r.opts.Now
	return d
}

// lose reports a part that does not survive.
func (d *draft) lose(at *node, member, why string) {
	d.lost = append(d.lost, Loss{Member: member, Why: why, Place: at.path()})
}

// abandon gives the passkey up; only the first reason counts.
func (d *draft) abandon(at *node, why string) {
	if d.broken == nil {
		d.broken = &Loss{Member: LossPasskey, Why: why, Place: at.path()}
	}
}

// find returns the member with the first of these names that there is.
func (d *draft) find(names ...string) *node {
	for _, name := range names {
		if m := d.node.get(name); m != nil {
			return m
		}
	}
	return nil
}

// required returns a member that has to be text, nil after abandoning the passkey.
func (d *draft) required(name string) *node {
	m := d.node.get(name)
	switch {
	case m == nil:
		d.abandon(d.node, fmt.Sprintf("it has no %q", name))
	case m.kind != text:
		d.abandon(m, fmt.Sprintf("want text, got %s", m.kind))
	default:
		return m
	}
	return nil
}

// requiredBytes is required for base64url text.
func (d *draft) requiredBytes(name string) []byte {
	m := d.required(name)
	if m == nil {
		return nil
	}
	decoded, err := decode(m.value)
	if err != nil {
		d.abandon(m, err.Error())
	}
	return decoded
}

// text returns an optional text, reported as member if it is none.
func (d *draft) text(member string, names ...string) string {
	m := d.find(names...)
	if m == nil {
		return ""
	}
	if m.kind != text {
		d.lose(m, member, fmt.Sprintf("want text, got %s", m.kind))
		return ""
	}
	return m.value
}

// bytesOf decodes base64url text below a passkey, reported as member if it is none; nil then, and for a nil node.
func (d *draft) bytesOf(m *node, member string) []byte {
	switch {
	case m == nil:
		return nil
	case m.kind != text:
		d.lose(m, member, fmt.Sprintf("want text, got %s", m.kind))
		return nil
	}
	decoded, err := decode(m.value)
	if err != nil {
		d.lose(m, member, err.Error())
		return nil
	}
	return decoded
}

// unknown reports the members of n that are not among known. What is false or empty says nothing and is no loss.
func (d *draft) unknown(n *node, known ...string) {
	for _, m := range n.members {
		says := m.kind != null && m.value != "false" && (m.kind != text || m.value != "")
		if says && !slices.Contains(known, m.name) {
			d.lose(m, m.name, "this member of a passkey has no place here")
		}
	}
}

// finish hands the passkey over, or reports why not.
func (d *draft) finish() {
	r := d.reader
	d.judge()
	if d.broken == nil {
		d.dropExtensions()
	} else {
		d.lost = []Loss{*d.broken}
	}
	for _, l := range d.lost {
		l.CredentialID, l.RPID = d.ID, d.RPID
		r.lost = append(r.lost, l)
	}
	if d.broken == nil {
		r.passkeys = append(r.passkeys, d.StoredCredential)
	}
}

// judge abandons a passkey that cannot be used or not be taken.
func (d *draft) judge() {
	r := d.reader
	if d.broken != nil {
		return
	}
	if n := len(d.ID); n == 0 || n > webauthn.MaxCredentialID {
		d.abandon(d.node, fmt.Sprintf("its credential ID has %d bytes, want 1 to %d", n, webauthn.MaxCredentialID))
		return
	}
	if d.RPID == "" {
		d.abandon(d.node, "it has no RP ID")
		return
	}
	alg, err := algorithmOf(d.PrivateKey)
	if err != nil {
		d.abandon(d.node, err.Error())
		return
	}
	d.Algorithm = int(alg)
	if !slices.Contains(r.algorithms, alg) {
		d.abandon(d.node, fmt.Sprintf("its algorithm is %s, and the importing provider signs by %s only", alg, names(r.algorithms)))
		return
	}
	r.inItem++
	if r.opts.OnePerItem && r.inItem > 1 {
		d.abandon(d.node, "the importing provider takes one passkey of an item")
		return
	}
	if key := d.RPID + "\x00" + string(d.ID); r.seen[key] {
		d.abandon(d.node, "a passkey with this RP ID and credential ID stands before it")
	} else {
		r.seen[key] = true
	}
}

// dropExtensions loses what the importing provider does not keep.
func (d *draft) dropExtensions() {
	for _, e := range []struct {
		extension, member string
		data              *[]byte
	}{
		{virtual.ExtensionPRF, LossPRF, &d.PRFSecret},
		{virtual.ExtensionCredBlob, LossCredBlob, &d.CredBlob},
		{virtual.ExtensionLargeBlob, LossLargeBlob, &d.LargeBlob},
	} {
		if *e.data != nil && !d.reader.keeps(e.extension) {
			*e.data = nil
			d.lose(d.node, e.member, "the importing provider does not keep it")
		}
	}
}

// decode reads base64url text. Exports with padding or in the standard alphabet exist, and are read too: they can only
// mean one thing.
func decode(encoded string) ([]byte, error) {
	unpadded := strings.TrimRight(encoded, "=")
	decoded, err := webauthn.DecodeBase64URL(strings.NewReplacer("+", "-", "/", "_").Replace(unpadded))
	if err != nil {
		return nil, err
	}
	return decoded, nil
}

// decodeStandard reads padded base64 text in the standard alphabet.
func decodeStandard(encoded string) ([]byte, error) {
	return base64.StdEncoding.Strict().DecodeString(encoded)
}

// seconds reads a time in seconds since 1970.
func seconds(n *node) (time.Time, bool) {
	s, err := strconv.ParseInt(n.value, 10, 64)
	if n.kind != number || err != nil || s < 0 || s > maxSeconds {
		return time.Time{}, false
	}
	return time.Unix(s, 0).UTC(), true
}

// maxSeconds is the end of the year 9999.
const maxSeconds = 253402300799

// count reads a number that may be written as text.
func count(n *node) (uint32, bool) {
	c, err := strconv.ParseUint(n.value, 10, 32)
	return uint32(c & math.MaxUint32), err == nil && (n.kind == number || n.kind == text)
}
