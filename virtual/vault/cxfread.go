package vault

import (
	"bytes"
	"fmt"
)

// cxfMajor is the version of CXF that is known: drafts had 0 or 1 as a bare number.
const cxfMajor = 1

// readCXF reads a header with its accounts, or one account by itself. Drafts of before 1.0 are read too: a version that
// is a number, userName, hmacSecret, and a large blob with size.
func (r *reader) readCXF(doc *node) error {
	accounts := []*node{doc}
	if doc.get("accounts") != nil {
		if err := cxfVersionKnown(doc.get("version")); err != nil {
			return err
		}
		var err error
		if accounts, err = doc.list("accounts"); err != nil {
			return err
		}
	}
	for _, account := range accounts {
		if account.kind != object {
			return account.fail(fmt.Sprintf("want an account, got %s", account.kind), "")
		}
		items := account.get("items")
		if items == nil {
			return account.fail(`the account has no "items"`, `an account without passkeys has an empty list: "items": []`)
		}
		list, err := account.list("items")
		if err != nil {
			return err
		}
		for _, item := range list {
			if err := r.readCXFItem(item); err != nil {
				return err
			}
		}
	}
	return nil
}

func cxfVersionKnown(version *node) error {
	if version == nil {
		return nil // the members are what counts
	}
	major := version
	if version.kind == object {
		if major = version.get("major"); major == nil {
			return version.fail(`the version has no "major"`, "")
		}
	}
	if v, ok := count(major); !ok || v > cxfMajor {
		return major.fail(fmt.Sprintf("CXF version %q: want %d", major.value, cxfMajor), "a later version means something else by the same names: export as version 1")
	}
	return nil
}

func (r *reader) readCXFItem(item *node) error {
	if item.kind != object {
		r.other(item, "item", fmt.Sprintf("want an item, got %s", item.kind))
		return nil
	}
	if item.get("credentials") == nil {
		r.other(item, "item", `it has no "credentials"`)
		return nil
	}
	r.inItem = 0
	credentials, err := item.list("credentials")
	if err != nil {
		return err
	}
	for _, c := range credentials {
		kind := c.get("type")
		switch {
		case kind == nil || kind.kind != text || kind.value == "":
			r.other(c, "credential", "it has no type")
		case kind.value != typePasskey:
			r.other(c, kind.value, "it is no passkey")
		default:
			r.readCXFPasskey(c, item)
		}
	}
	return nil
}

func (r *reader) readCXFPasskey(n, item *node) {
	d := r.draft(n)
	d.ID = d.requiredBytes("credentialId")
	if rpID := d.required("rpId"); rpID != nil {
		d.RPID = rpID.value
	}
	d.UserHandle = d.requiredBytes("userHandle")
	d.PrivateKey = d.requiredBytes("key")
	d.UserName = d.text(LossUserName, "username", "userName")
	d.UserDisplayName = d.text(LossDisplayName, "userDisplayName")
	if at := item.get("creationAt"); at != nil {
		if created, ok := seconds(at); ok {
			d.Created = created
		} else {
			d.lose(at, LossCreated, fmt.Sprintf("want seconds since 1970, got %q", at.value))
		}
	}
	d.unknown(n, "type", "credentialId", "rpId", "userHandle", "key", "username", "userName", "userDisplayName", "fido2Extensions")
	if e := n.get("fido2Extensions"); e != nil {
		if e.kind == object {
			d.readHMAC(e.get("hmacCredentials"))
			d.readDraftHMAC(e.get("hmacSecret"))
			d.CredBlob = d.bytesOf(e.get("credBlob"), LossCredBlob)
			d.readLargeBlob(e.get("largeBlob"))
			d.unknown(e, "hmacCredentials", "hmacSecret", "credBlob", "largeBlob")
		} else {
			d.lose(e, "fido2Extensions", fmt.Sprintf("want an object, got %s", e.kind))
		}
	}
	d.finish()
}

// readHMAC reads the prf secret; [cxfHMAC] tells which of the two it is.
func (d *draft) readHMAC(n *node) {
	if n == nil {
		return
	}
	if alg := n.get("algorithm"); alg == nil || alg.value != hmacAlgorithm {
		d.lose(n, LossPRF, fmt.Sprintf("its algorithm is not %q", hmacAlgorithm))
		return
	}
	with, without := n.get("credWithUV"), n.get("credWithoutUV")
	if with == nil {
		d.lose(n, LossPRF, `it has no "credWithUV"`)
		return
	}
	if !d.readSecret(with) || without == nil {
		return
	}
	if other := d.bytesOf(without, LossPRF); other != nil && !bytes.Equal(other, d.PRFSecret) {
		d.lose(without, LossPRF, "the secret for assertions without user verification is another one, for which there is no place; pages only get outputs of the one with")
	}
}

// readDraftHMAC reads the one secret that drafts had.
func (d *draft) readDraftHMAC(n *node) {
	if n == nil || d.PRFSecret != nil {
		return
	}
	for _, name := range []string{"hmacSecret", "secret"} {
		if m := n.get(name); m != nil {
			d.readSecret(m)
			return
		}
	}
	d.lose(n, LossPRF, "it has no secret")
}

func (d *draft) readSecret(n *node) bool {
	secret := d.bytesOf(n, LossPRF)
	if secret == nil {
		return false
	}
	if len(secret) != prfSecretSize {
		d.lose(n, LossPRF, fmt.Sprintf("the secret has %d bytes, want %d", len(secret), prfSecretSize))
		return false
	}
	d.PRFSecret = secret
	return true
}
