// Package vault reads and writes the formats in which passkeys leave a provider: the FIDO Credential Exchange Format
// (CXF 1.0), Bitwarden's JSON and KeePassXC's .passkey file.
//
// None of them carries everything a passkey has, and each importer makes something of its own of the rest. What does
// not survive is never passed over: [Export] and [Import] list every [Loss] next to what they return. One passkey
// that cannot be read costs that passkey, not the file; a file of which nothing can be made is a [*FormatError].
//
// What an item of a vault says around a passkey (its title, tags, folders, the sites it is offered on) is no part of
// the passkey: on export it is made of the RP ID, on import it is not read. Creation times keep the precision that the
// format has: seconds in CXF, milliseconds in Bitwarden's JSON.
//
// Exported data holds private keys in plain text, unless it was protected by a password. The package neither keeps nor
// logs any of it; where it goes is the caller's to guard.
package vault
