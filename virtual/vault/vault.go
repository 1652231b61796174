package vault

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/passrig/passrig/virtual"
)

// Format names a format of exported passkeys.
type Format string

// The formats.
const (
	// CXF is the FIDO Credential Exchange Format 1.0, as a whole payload (Header) or as one account of it.
	CXF Format = "cxf"
	// Bitwarden is the JSON of Bitwarden's vaults, plain or protected by a password.
	Bitwarden Format = "bitwarden"
	// KeePassXC is a .passkey file: JSON with one passkey.
	KeePassXC Format = "keepassxc"
)

// Formats lists the formats, the one most providers share first.
func Formats() []Format { return []Format{CXF, Bitwarden, KeePassXC} }

// Loss is something of a passkey, or something beside the passkeys, that does not survive.
type Loss struct {
	// CredentialID and RPID tell the passkey. Both are empty for what is no passkey, such as a password; they are also
	// empty where they cannot be read.
	CredentialID []byte `json:"credentialId,omitempty"`
	RPID         string `json:"rpId,omitempty"`
	// Member is what is lost: [LossPasskey] and the other names of this package, the name of an unknown member of a
	// passkey, or the type of a credential that is no passkey ("basic-auth", "totp").
	Member string `json:"member"`
	// Why is a clause without a full stop, such as "a .passkey file has no place for it".
	Why string `json:"why"`
	// Renewed tells that the importing provider puts its own in its place, as it does for every passkey: AAGUID,
	// transports and backup flags.
	Renewed bool `json:"renewed,omitempty"`
	// Place is where in the imported data it stands, as a JSON path; empty on export.
	Place string `json:"place,omitempty"`
}

// What a passkey can lose, by the names of [Loss.Member].
const (
	LossPasskey      = "passkey" // the whole
	LossPRF          = "prf"     // the secret of the prf extension, and with it all data encrypted by its outputs
	LossCredBlob     = "credBlob"
	LossLargeBlob    = "largeBlob"
	LossCounter      = "counter"      // a signature counter above zero goes back to zero
	LossAlgorithm    = "algorithm"    // it will sign by another one
	LossDiscoverable = "discoverable" // that it was not
	LossUserName     = "user name"
	LossDisplayName  = "display name"
	LossCreated      = "created" // when it was made
	LossAAGUID       = "aaguid"
	LossTransports   = "transports"
	LossBackupState  = "backup state" // the flags BE and BS
)

// ExportOptions say who exports, and how.
type ExportOptions struct {
	// ExporterName and ExporterRPID are the exporting provider as CXF names it, for example "Bitwarden" and
	// "bitwarden.com". They may be empty.
	ExporterName, ExporterRPID string
	// Account is the person's account at the provider: a user name or an email address. It may be empty.
	Account string
	// Now is the time of the export, in CXF's header.
	Now time.Time
	// AccountOnly writes CXF's account object without a header around it: what is handed from app to app on iOS
	// and macOS.
	AccountOnly bool
	// Password protects Bitwarden's JSON; empty leaves it plain. The other formats have no protection, so for them a
	// password is an error.
	Password string
	// Random is where salts and initialization vectors of protected data come from; nil means crypto/rand.
	Random io.Reader
}

// ImportOptions say what the importing provider makes of passkeys.
type ImportOptions struct {
	// AAGUID (UUID text; empty means all zeros), the backup flags and the transports do not travel in any format: these
	// are what the importing provider gives every passkey.
	AAGUID                   string
	BackupEligible, BackedUp bool
	Transports               []string
	// Algorithms names what the importing provider can sign by, as [virtual.Config] does: a passkey with another one is
	// lost. Nil means all that this package reads.
	Algorithms []string
	// Extensions names those whose data the importing provider keeps: [virtual.ExtensionPRF], [virtual.ExtensionCredBlob]
	// and [virtual.ExtensionLargeBlob]. Nil means all, an empty list none.
	Extensions []string
	// OnePerItem loses every passkey of an item but the first, as importers do that think of an item as one login.
	OnePerItem bool
	// Password opens protected data.
	Password string
	// Now is the creation time of passkeys whose data has none.
	Now time.Time
}

// Export writes passkeys in a format. What the format cannot carry is listed in lost, in the order of the passkeys. The
// error is for options that do not go together and for a random source that fails; a passkey that the format cannot
// hold at all is a [Loss] too.
//
// A .passkey file has exactly one passkey: those after the first are lost, and without any data is nil.
func Export(format Format, passkeys []virtual.StoredCredential, o ExportOptions) (data []byte, lost []Loss, err error) {
	c := codecOf(format)
	if c == nil {
		return nil, nil, unknownFormat(format)
	}
	if o.Password != "" && format != Bitwarden {
		return nil, nil, fmt.Errorf("export passkeys: the format %q has no password protection", format)
	}
	var kept []virtual.StoredCredential
	for i := range passkeys {
		p := &passkeys[i]
		if why := c.refuses(p, len(kept)); why != "" {
			lost = append(lost, Loss{CredentialID: bytes.Clone(p.ID), RPID: p.RPID, Member: LossPasskey, Why: why})
			continue
		}
		lost = append(lost, c.losses(p)...)
		kept = append(kept, *p)
	}
	if data, err = c.write(kept, &o); err != nil {
		return nil, lost, fmt.Errorf("export passkeys as %q: %w", format, err)
	}
	return data, lost, nil
}

// Import reads passkeys of a format; an empty one means whatever [Detect] finds. The passkeys come in the order of the
// data, with what the importing provider gives them. What the data has and the passkeys do not is listed in lost.
//
// Data of which nothing can be made is a [*FormatError]; it wraps [ErrPassword] if a password is missing or wrong.
// Other errors are about the options.
func Import(format Format, data []byte, o ImportOptions) (passkeys []virtual.StoredCredential, lost []Loss, err error) {
	r, err := newReader(o)
	if err != nil {
		return nil, nil, fmt.Errorf("import passkeys: %w", err)
	}
	if format != "" && codecOf(format) == nil {
		return nil, nil, unknownFormat(format)
	}
	doc, err := parse(format, data)
	if err == nil {
		format, err = settle(format, doc)
	}
	if err == nil {
		doc.format = format
		err = codecOf(format).read(r, doc)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("import passkeys: %w", err)
	}
	return r.passkeys, r.lost, nil
}

// settle is the format to read a document in: the one that was asked for, unless the document is plainly another. Read
// as the wrong one it might just seem to be empty.
func settle(asked Format, doc *node) (Format, error) {
	found, err := detect(doc)
	if asked == "" {
		return found, err
	}
	plain := err == nil && (found != Bitwarden || doc.get("encrypted") != nil)
	if plain && found != asked {
		return "", doc.fail(fmt.Sprintf("this is not %s, it is %s", codecOf(asked).named, codecOf(found).named),
			fmt.Sprintf("import it as %q, or leave the format to be found out", found))
	}
	return asked, nil
}

// Detect tells the format of data by its members. The error is a [*FormatError].
func Detect(data []byte) (Format, error) {
	doc, err := parse("", data)
	if err != nil {
		return "", err
	}
	return detect(doc)
}

func detect(doc *node) (Format, error) {
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return doc.get(name) == nil })
	}
	switch {
	case has("accounts"), has("items", "collections", "id"):
		return CXF, nil
	case has("encrypted"):
		return Bitwarden, nil
	case has("privateKey", "relyingParty"):
		return KeePassXC, nil
	// An account without collections, and items without the mark that they are not encrypted.
	case has("items", "id"):
		return CXF, nil
	case has("items"):
		return Bitwarden, nil
	}
	return "", doc.fail("no format that is known here",
		`expected CXF (with "accounts" or "collections"), Bitwarden's JSON (with "encrypted" and "items") or KeePassXC's .passkey (with "relyingParty" and "privateKey")`)
}

func unknownFormat(format Format) error {
	return fmt.Errorf("format %q: want one of %q", format, Formats())
}
