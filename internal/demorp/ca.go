package demorp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"
)

const (
	caLifetime     = 30 * 24 * time.Hour
	clockTolerance = time.Hour // by how much a client's clock may be behind
)

// CA is a throw-away certificate authority for running the demo relying party under TLS. Its key lives in memory only.
type CA struct {
	clock  func() time.Time
	random io.Reader
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
}

// NewCA makes an authority that is valid for 30 days. A nil clock is the system's, a nil random source crypto/rand;
// serial numbers come from random, while keys always come from the operating system.
func NewCA(clock func() time.Time, random io.Reader) (*CA, error) {
	if clock == nil {
		clock = time.Now //nolint:forbidigo // the one real clock of a CA
	}
	if random == nil {
		random = rand.Reader
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certificate authority key: %w", err)
	}
	ca := &CA{clock: clock, random: random, key: key}
	template, err := ca.template("passrig demo CA")
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.MaxPathLenZero = true
	template.KeyUsage = x509.KeyUsageCertSign
	if ca.cert, err = sign(template, template, &key.PublicKey, key); err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	return ca, nil
}

// ServerCertificate issues a certificate for host names and IP addresses. Its chain includes the authority, so that
// clients which pin by [CA.SPKIHash] see it.
func (ca *CA) ServerCertificate(hosts ...string) (tls.Certificate, error) {
	if len(hosts) == 0 {
		return tls.Certificate{}, errors.New("server certificate: no hosts")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("server certificate key: %w", err)
	}
	template, err := ca.template(hosts[0])
	if err != nil {
		return tls.Certificate{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	leaf, err := sign(template, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("server certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, ca.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// PEM returns the authority's certificate, for a client's trust store.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})
}

// SPKIHash returns the SHA-256 of the authority's public key in base64, as Chrome's
// --ignore-certificate-errors-spki-list takes it.
func (ca *CA) SPKIHash() string {
	sum := sha256.Sum256(ca.cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (ca *CA) template(name string) (*x509.Certificate, error) {
	serial := make([]byte, 16)
	if _, err := io.ReadFull(ca.random, serial); err != nil {
		return nil, fmt.Errorf("certificate serial number: %w", err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive and of full length (RFC 5280 §4.1.2.2)
	now := ca.clock()
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-clockTolerance),
		NotAfter:     now.Add(caLifetime),
	}, nil
}

func sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
