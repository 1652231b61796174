package demorp

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
)

// anchors are the root certificates that vouch for authenticators.
type anchors struct {
	roots *x509.CertPool
	now   func() time.Time
}

// newAnchors reads root certificates in DER. Without any it returns nil: nobody has to vouch.
func newAnchors(roots [][]byte, now func() time.Time) (*anchors, error) {
	if len(roots) == 0 {
		return nil, nil //nolint:nilnil // none are wanted
	}
	a := &anchors{x509.NewCertPool(), now}
	for i, der := range roots {
		root, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("attestation root %d: %w", i+1, err)
		}
		a.roots.AddCert(root)
	}
	return a, nil
}

// attestationTrusted: §7.1 steps 23 and 24. With roots, a registration needs a certificate that leads to one of them:
// no attestation, self attestation and a stranger's root are refused.
func (v *verifier) attestationTrusted(a *attempt) error {
	if v.anchors == nil {
		return nil
	}
	chain, err := chainOf(a.attestation)
	if err != nil {
		return err
	}
	if len(chain) == 0 {
		return fmt.Errorf("attestation of format %q has no certificate, and one is required", a.attestation.Format)
	}
	leaf, between := chain[0], x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	// A TPM's subject alternative name is critical and holds what this library does not read (§8.3.1).
	leaf.UnhandledCriticalExtensions = slices.DeleteFunc(leaf.UnhandledCriticalExtensions, func(id asn1.ObjectIdentifier) bool {
		return id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17})
	})
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: v.anchors.roots, Intermediates: between, CurrentTime: v.anchors.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return fmt.Errorf("attestation certificate: %w", err)
	}
	return nil
}

// chainOf are the certificates of a statement, leaf first (§6.5.4). None is no error.
func chainOf(attestation *protocol.AttestationObject) ([]*x509.Certificate, error) {
	list, ok := attestation.AttStatement["x5c"]
	if !ok {
		return nil, nil
	}
	raw, ok := list.([]any)
	if !ok {
		return nil, errors.New("attestation certificates: x5c is no array")
	}
	chain := make([]*x509.Certificate, 0, len(raw))
	for _, item := range raw {
		der, _ := item.([]byte)
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("attestation certificate: %w", err)
		}
		chain = append(chain, c)
	}
	return chain, nil
}
