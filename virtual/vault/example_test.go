package vault_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/vault"
)

// A passkey moves from one provider to another.
func Example() {
	laptop, err := virtual.NewSoftwareDevice(virtual.Config{
		BackupEligible: true, BackedUp: true, Extensions: []string{virtual.ExtensionPRF},
	})
	if err != nil {
		log.Fatal(err)
	}
	made, err := laptop.Create(context.Background(), virtual.CreateRequest{Origin: "https://example.com", Options: []byte(creation)})
	if err != nil {
		log.Fatal(err)
	}
	stored, err := laptop.ExportCredential(made.CredentialID)
	if err != nil {
		log.Fatal(err)
	}

	data, lost, err := vault.Export(vault.Bitwarden, []virtual.StoredCredential{stored}, vault.ExportOptions{Now: time.Now()})
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range lost {
		fmt.Printf("%s: %s\n", l.Member, l.Why)
	}
	passkeys, _, err := vault.Import("", data, vault.ImportOptions{BackupEligible: true, BackedUp: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(passkeys[0].UserName, "at", passkeys[0].RPID)
	// Output:
	// prf: Bitwarden's JSON has no place for it: what was encrypted by its outputs can no longer be opened
	// transports: Bitwarden's JSON has no place for it
	// backup state: Bitwarden's JSON has no place for it
	// anna at example.com
}
