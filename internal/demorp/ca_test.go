package demorp

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestCA(t *testing.T) {
	ca, err := NewCA(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.ServerCertificate("localhost", "*.example.test", "127.0.0.1", "::1")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.PEM()) {
		t.Fatal("PEM holds no certificate")
	}
	for host, ok := range map[string]bool{
		"localhost": true, "login.example.test": true, "127.0.0.1": true, "::1": true,
		"example.org": false, "127.0.0.2": false, "evil.localhost": false,
	} {
		if _, err := certificate.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots}); (err == nil) != ok {
			t.Errorf("verify for %q: %v, want success %t", host, err, ok)
		}
	}
	chained, err := x509.ParseCertificate(certificate.Certificate[1])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(chained.RawSubjectPublicKeyInfo)
	if got := ca.SPKIHash(); got != base64.StdEncoding.EncodeToString(sum[:]) {
		t.Errorf("SPKI hash %q is not that of the chain's authority", got)
	}
	if _, err := ca.ServerCertificate(); err == nil {
		t.Error("a certificate for nobody")
	}
}

func TestCAOverTLS(t *testing.T) {
	ca, err := NewCA(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.ServerCertificate("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewUnstartedServer(newSite(t, nil).Handler())
	listener.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	listener.StartTLS()
	defer listener.Close()

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	v := &visitor{t, listener.URL, client}
	v.do("GET", "/healthz", nil, http.StatusOK, nil)

	_, port, err := net.SplitHostPort(strings.TrimPrefix(listener.URL, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://localhost:"+port+"/healthz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := client.Do(request); err == nil {
		_ = response.Body.Close()
		t.Error("the certificate passes for another host")
	}
}

func TestCAFollowsTheClock(t *testing.T) {
	then := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	ca, err := NewCA(func() time.Time { return then }, strings.NewReader(strings.Repeat("\xff", 32)))
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.ServerCertificate("localhost")
	if err != nil {
		t.Fatal(err)
	}
	if leaf := certificate.Leaf; leaf.NotBefore.After(then) || leaf.NotAfter.Before(then) || leaf.SerialNumber.Sign() <= 0 {
		t.Errorf("valid from %v to %v, serial number %v", leaf.NotBefore, leaf.NotAfter, leaf.SerialNumber)
	}
	if _, err := ca.ServerCertificate("localhost"); err == nil {
		t.Error("the random source is dry and nobody noticed")
	}
}
