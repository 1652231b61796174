package fabric

// What devices do with keys, for tests that look at a cloud together with its store.
var (
	NewSecret    = newSecret
	NewKeyPair   = newKeyPair
	SealRecord   = sealRecord
	OpenRecord   = openRecord
	SealSecret   = sealSecret
	OpenSecret   = openSecret
	NewRecovery  = newRecovery
	OpenRecovery = openRecovery
	ProofOf      = proofOf
	OpenBytes    = openBytes
)

// What sealed things are for.
const (
	InfoWrap   = infoWrap
	InfoRecord = infoRecord
)
