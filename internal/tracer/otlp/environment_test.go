package otlp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEndpointIsThatOfTheSpecification(t *testing.T) {
	const all, traces = "OTEL_EXPORTER_OTLP_ENDPOINT=", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="
	for _, c := range []struct {
		given string
		vars  []string
		want  string
	}{
		{"http://h:4318", nil, "http://h:4318/v1/traces"},
		{"http://h:4318/", nil, "http://h:4318/v1/traces"},
		{"http://h:4318/v1/traces", nil, "http://h:4318/v1/traces"},
		{"https://h/otlp", nil, "https://h/otlp/v1/traces"},
		{"http://h:4318", []string{all + "http://other", traces + "http://third"}, "http://h:4318/v1/traces"},
		{"env", nil, "http://localhost:4318/v1/traces"},
		{"env", []string{all + "https://h/otlp"}, "https://h/otlp/v1/traces"},
		{"env", []string{all + "https://h/otlp", traces + "https://h/mine"}, "https://h/mine"},
		{"env", []string{traces + "https://h"}, "https://h/"},
		{"https://user:password@h", nil, "https://user:xxxxx@h/v1/traces"},
	} {
		got, err := FromEnvironment(c.given, lookup(c.vars...))
		if err != nil || got.String() != c.want {
			t.Errorf("%s with %q: %v, %v, want %s", c.given, c.vars, got, err, c.want)
		}
	}
}

func TestBadSettingsAreNamedWithoutSecrets(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "ca.pem")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		given string
		vars  []string
		want  string
	}{
		{"localhost:4318", nil, "the OTLP endpoint is no URL of the form http://host:4318"},
		{"grpc://h", nil, "the OTLP endpoint is no URL"},
		{"", nil, "the OTLP endpoint is no URL"},
		{"http://h?a=b", nil, "has a query"},
		{"env", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=hunter2"}, "OTEL_EXPORTER_OTLP_ENDPOINT is no URL"},
		{"http://h", []string{"OTEL_EXPORTER_OTLP_HEADERS=a=b,hunter2"}, "OTEL_EXPORTER_OTLP_HEADERS: header 2 "},
		{"http://h", []string{"OTEL_EXPORTER_OTLP_TRACES_HEADERS=a b=hunter2"}, "OTEL_EXPORTER_OTLP_TRACES_HEADERS: header 1 "},
		{"http://h", []string{"OTEL_EXPORTER_OTLP_HEADERS=a=hunter2%0d%0aevil:1"}, "header 1 "},
		{"http://h", []string{"OTEL_EXPORTER_OTLP_TIMEOUT=10s"}, `OTEL_EXPORTER_OTLP_TIMEOUT="10s": want a number of milliseconds`},
		{"http://h", []string{"OTEL_EXPORTER_OTLP_TIMEOUT=0"}, "milliseconds"},
		{"http://h", []string{"OTEL_EXPORTER_OTLP_COMPRESSION=zstd"}, "want gzip or none"},
		{"http://h", []string{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, `OTEL_EXPORTER_OTLP_PROTOCOL="grpc": traces are told by http/protobuf alone`},
		{"http://h", []string{"OTEL_RESOURCE_ATTRIBUTES=a"}, "OTEL_RESOURCE_ATTRIBUTES: attribute 1 "},
		{"http://h", []string{"OTEL_EXPORTER_OTLP_CERTIFICATE=" + missing}, missing},
		{"http://h", []string{"OTEL_EXPORTER_OTLP_CERTIFICATE=" + empty}, "holds no certificate in PEM"},
		{"http://h", []string{"OTEL_EXPORTER_OTLP_CLIENT_KEY=" + empty}, "without OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"},
		{"http://h", []string{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=" + empty}, "without OTEL_EXPORTER_OTLP_CLIENT_KEY"},
	} {
		_, err := FromEnvironment(c.given, lookup(c.vars...))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q with %q: %v, want %q", c.given, c.vars, err, c.want)
		}
	}
	_, err := FromEnvironment("x", lookup("OTEL_EXPORTER_OTLP_TIMEOUT=x", "OTEL_EXPORTER_OTLP_COMPRESSION=x"))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all faults are told: %v", err)
	}
}

// TestTLSIsByTheUsualVariables asks a server whose certificate nobody knows but the file, and
// which wants one of the client.
func TestTLSIsByTheUsualVariables(t *testing.T) {
	r := newReceiver(t)
	server := httptest.NewUnstartedServer(r)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	defer server.Close()
	dir := t.TempDir()
	ca := writePEM(t, dir, "ca.pem", "CERTIFICATE", server.Certificate().Raw)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	own := []string{
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=" + writePEM(t, dir, "own.pem", "CERTIFICATE", certificate),
		"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY=" + writePEM(t, dir, "key.pem", "EC PRIVATE KEY", private),
	}
	b := start(t, server.URL, append(own, "OTEL_EXPORTER_OTLP_CERTIFICATE="+ca)...)
	b.Put(packet(t, true))
	b.check(t, Outcomes{Sent: 1})
	if len(r.traces()) != 1 {
		t.Error("no trace came")
	}
	distrusts := start(t, server.URL, own...)
	distrusts.Put(packet(t, true))
	poll(t, func() bool { _, o := distrusts.State(); return o.Failed == 1 })
	distrusts.end()
	if log := distrusts.log.String(); !strings.Contains(log, "x509") {
		t.Errorf("the log is\n%s", log)
	}
}

func writePEM(t *testing.T, dir, name, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
