package vault

import (
	"fmt"
	"strings"
	"time"

	"github.com/passrig/passrig/internal/webauthn"
)

func (r *reader) readBitwarden(doc *node) error {
	if encrypted := doc.get("encrypted"); encrypted != nil && encrypted.value == "true" {
		opened, err := unprotect(doc, r.opts.Password)
		if err != nil {
			return err
		}
		doc = opened
	}
	items := doc.get("items")
	if items == nil {
		return doc.fail(`the vault has no "items"`, `a vault without items has an empty list: "items": []`)
	}
	list, err := doc.list("items")
	if err != nil {
		return err
	}
	for _, item := range list {
		if err := r.readBitwardenItem(item); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) readBitwardenItem(item *node) error {
	if item.kind != object {
		r.other(item, "item", fmt.Sprintf("want an item, got %s", item.kind))
		return nil
	}
	login := item.get("login")
	if login == nil {
		kind := item.get("type")
		r.other(item, bitwardenKind(kind), "it is no passkey")
		return nil
	}
	r.inItem = 0
	for _, name := range []string{"password", "totp"} {
		if m := login.get(name); m != nil && m.value != "" {
			r.other(m, name, "it is no passkey")
		}
	}
	passkeys, err := login.list("fido2Credentials")
	if err != nil {
		return err
	}
	for _, n := range passkeys {
		if n.kind != object {
			r.other(n, LossPasskey, fmt.Sprintf("want an object, got %s", n.kind))
			continue
		}
		r.readBitwardenPasskey(n)
	}
	return nil
}

// bitwardenKind names what an item without a login is.
func bitwardenKind(kind *node) string {
	if kind != nil {
		switch kind.value {
		case "2":
			return "note"
		case "3":
			return "credit-card"
		case "4":
			return "identity"
		case "5":
			return "ssh-key"
		}
	}
	return "item"
}

func (r *reader) readBitwardenPasskey(n *node) {
	d := r.draft(n)
	if id := d.required("credentialId"); id != nil {
		var err error
		if d.ID, err = parseBitwardenID(id.value); err != nil {
			d.abandon(id, err.Error())
		}
	}
	if rpID := d.required("rpId"); rpID != nil {
		d.RPID = rpID.value
	}
	d.PrivateKey = d.requiredBytes("keyValue")
	// A passkey that is not discoverable may come without a user handle.
	if handle := n.get("userHandle"); handle != nil {
		d.UserHandle = d.requiredBytes("userHandle")
	}
	d.UserName = d.text(LossUserName, "userName")
	d.UserDisplayName = d.text(LossDisplayName, "userDisplayName")
	if c := n.get("counter"); c != nil {
		var ok bool
		if d.SignCount, ok = count(c); !ok {
			d.SignCount = 0
			d.lose(c, LossCounter, fmt.Sprintf("want a number, got %q", c.value))
		}
	}
	d.readBitwardenDiscoverable(n.get("discoverable"))
	if date := n.get("creationDate"); date != nil {
		at, err := time.Parse(time.RFC3339Nano, date.value)
		if err == nil {
			d.Created = at.UTC()
		} else {
			d.lose(date, LossCreated, fmt.Sprintf("want a time such as %q, got %q", bitwardenTime, date.value))
		}
	}
	d.unknown(n, "credentialId", "keyType", "keyAlgorithm", "keyCurve", "keyValue", "rpId", "rpName", "userHandle",
		"userName", "userDisplayName", "counter", "discoverable", "creationDate")
	d.finish()
}

func (d *draft) readBitwardenDiscoverable(n *node) {
	if n == nil {
		return
	}
	switch n.value {
	case "true", "false":
		d.Discoverable = n.value == "true"
	default:
		d.lose(n, LossDiscoverable, fmt.Sprintf("want \"true\" or \"false\", got %q", n.value))
	}
}

// parseBitwardenID is the reverse of bitwardenID.
func parseBitwardenID(id string) ([]byte, error) {
	if encoded, ok := strings.CutPrefix(id, bitwardenIDPrefix); ok {
		return decode(encoded)
	}
	guid, err := webauthn.ParseAAGUID(id)
	if err != nil {
		return nil, fmt.Errorf("its credential ID %q is neither a GUID nor %q with base64url after it", id, bitwardenIDPrefix)
	}
	return guid[:], nil
}
