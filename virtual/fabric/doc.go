// Package fabric plays the cloud of a passkey provider, and the copies that devices have of what is in it.
//
// The cloud side ([Cloud], [Account]) keeps records that it cannot read, decides which of two changes wins, counts tries
// to unlock, and writes down in an audit log what it must never forget. The device side ([Replica]) seals and opens
// records and keeps a keychain in step with the cloud, over a [Network] that delays, loses and repeats.
//
// # What the cloud knows
//
// Each account has a vault secret of 32 random bytes, a new one for each epoch. A record is sealed with AES-256-GCM
// under a key derived from it. The cloud has the secret only in copies sealed with HPKE: one for the key of each enrolled
// device, and one for a recovery key, whose private half is sealed under a key that Argon2id makes of the PIN. The PIN
// never leaves the device; a try carries a proof that is derived beside that key, and the cloud has the proof's SHA-256.
// Someone who has the stored state could try PINs on that hash: providers keep it in hardware for this reason, and it is
// the one thing that is not played here.
//
// # What is never forgotten
//
// A try to unlock is durable in the audit log before its proof is looked at. Counters, lock, destruction, and which
// recovery is in force are what the log says, whatever the journal holds: an old copy of the journal brings no counter
// back. The log is a chain of hashes, so that a device that remembers its head sees whether it was shown another one.
//
// # A passkey's way
//
// [Replica.Found] makes the vault on the first device, [Replica.Unlock] lets another one in. After a ceremony
// [Replica.Scan] finds what is new in the keychain, seals it and pushes it to the account, which decides ([Account.Push])
// and keeps it; the replica announces it on the network. [Replica.Advance] on the other device applies what is due: it opens
// the record and puts the passkey into the keychain there.
//
// Each file has one part of that. Of the cloud: account.go (vaults), member.go (devices), pin.go (tries), push.go (which
// change wins), ledger.go and verify.go (the audit log), open.go (what is right after a crash). Of a device: replica_scan.go
// (keychain to cloud), replica_sync.go (cloud to keychain), merge.go (what a record does to the others of its user),
// replica_enroll.go, replica_govern.go and replica_keys.go (PINs, members, keys), signal.go (relying parties and owners).
// All cryptography is in seal.go. Journal and log are in memory, or in files with the package disk.
//
// Nothing here sleeps or starts a goroutine, and time is what the given clocks say: the same code runs in real time
// and in a simulation.
package fabric
