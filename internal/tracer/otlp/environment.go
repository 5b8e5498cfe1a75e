package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Environment is what to give for an endpoint that the environment names.
const Environment = "env"

// FromEnvironment returns how to reach an endpoint, by the variables that the specification of
// OpenTelemetry's exporters has. Of each there is one for traces, OTEL_EXPORTER_OTLP_TRACES_…,
// that counts more than the one for all signals, OTEL_EXPORTER_OTLP_….
//
// The endpoint is the URL of a receiver, to which v1/traces is added unless it ends so;
// [Environment] stands for what OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
// OTEL_EXPORTER_OTLP_ENDPOINT says, and [DefaultEndpoint] if neither does. The error tells of
// all faults, and of no secret.
func FromEnvironment(endpoint string, getenv func(string) string) (Config, error) {
	e := &environment{getenv: getenv}
	c := Config{
		Endpoint: e.endpoint(endpoint),
		Headers:  e.headers(),
		Timeout:  e.timeout(),
		Gzip:     e.gzip(),
		Resource: Resource{Attributes: e.attributes()},
	}
	e.protocol()
	c.TLS = e.tls()
	return c, errors.Join(e.faults...)
}

type environment struct {
	getenv func(string) string
	faults []error
}

func (e *environment) fault(format string, args ...any) {
	e.faults = append(e.faults, fmt.Errorf(format, args...))
}

// get returns a setting and the variable that has it: that of traces, or that of all signals.
func (e *environment) get(name string) (value, variable string) {
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_TRACES_" + name, "OTEL_EXPORTER_OTLP_" + name} {
		if value := strings.TrimSpace(e.getenv(variable)); value != "" {
			return value, variable
		}
	}
	return "", "OTEL_EXPORTER_OTLP_" + name
}

const path = "v1/traces"

func (e *environment) endpoint(given string) *url.URL {
	raw, name, whole := given, "the OTLP endpoint", false
	if given == Environment {
		if raw, name = e.get("ENDPOINT"); raw == "" {
			raw = DefaultEndpoint
		}
		// The one for traces is taken as it is.
		whole = strings.HasPrefix(name, "OTEL_EXPORTER_OTLP_TRACES_")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		// It may hold a password, so it is not shown.
		e.fault("%s is no URL of the form http://host:4318 or https://host/path", name)
		return nil
	case u.RawQuery != "" || u.Fragment != "":
		e.fault("%s has a query or fragment, which no receiver wants", name)
		return nil
	}
	switch {
	case whole && u.Path == "":
		u.Path = "/"
	case !whole && !strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/"+path):
		u = u.JoinPath(path)
	}
	return u
}

// headers reads "key=value,key=value", with escapes as in URLs.
func (e *environment) headers() http.Header {
	list, variable := e.get("HEADERS")
	headers := http.Header{}
	for i, pair := range split(list) {
		key, value, found := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !found || err != nil || !token(key) || strings.ContainsAny(value, "\r\n\x00") {
			// It may hold a password, so it is not shown.
			e.fault("%s: header %d is not of the form name=value, with escapes such as %%20", variable, i+1)
			continue
		}
		headers.Set(key, value)
	}
	return headers
}

// token tells whether a text can be the name of a header.
func token(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", r)
	})
}

func split(list string) (pairs []string) {
	for pair := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(pair) != "" {
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

func (e *environment) timeout() time.Duration {
	text, variable := e.get("TIMEOUT")
	if text == "" {
		return DefaultTimeout
	}
	ms, err := strconv.ParseUint(text, 10, 31)
	if err != nil || ms == 0 {
		e.fault("%s=%q: want a number of milliseconds, such as 10000", variable, text)
	}
	return time.Duration(ms) * time.Millisecond
}

// gzip is on if nobody says otherwise: spans of a packet have much in common.
func (e *environment) gzip() bool {
	text, variable := e.get("COMPRESSION")
	if text != "" && text != "gzip" && text != "none" {
		e.fault("%s=%q: want gzip or none", variable, text)
	}
	return text != "none"
}

func (e *environment) protocol() {
	if text, variable := e.get("PROTOCOL"); text != "" && text != "http/protobuf" {
		e.fault("%s=%q: traces are told by http/protobuf alone (unset it, and name a receiver of OTLP over HTTP)", variable, text)
	}
}

// attributes reads OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME, which counts more.
func (e *environment) attributes() map[string]string {
	const variable = "OTEL_RESOURCE_ATTRIBUTES"
	attributes := map[string]string{}
	for i, pair := range split(e.getenv(variable)) {
		key, value, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if key = strings.TrimSpace(key); !found || err != nil || key == "" {
			e.fault("%s: attribute %d is not of the form name=value", variable, i+1)
			continue
		}
		attributes[key] = value
	}
	if name := e.getenv("OTEL_SERVICE_NAME"); name != "" {
		maps.Copy(attributes, map[string]string{"service.name": name})
	}
	return attributes
}

// tls reads which authorities are trusted, and how this host tells who it is.
func (e *environment) tls() *tls.Config {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if file, variable := e.get("CERTIFICATE"); file != "" {
		text, err := os.ReadFile(file)
		if trust.RootCAs = x509.NewCertPool(); err != nil {
			e.fault("%s: %w", variable, err)
		} else if !trust.RootCAs.AppendCertsFromPEM(text) {
			e.fault("%s: %s holds no certificate in PEM", variable, file)
		}
	}
	key, keyVariable := e.get("CLIENT_KEY")
	certificate, certificateVariable := e.get("CLIENT_CERTIFICATE")
	switch {
	case key == "" && certificate == "":
	case key == "":
		e.fault("%s is set without OTEL_EXPORTER_OTLP_CLIENT_KEY", certificateVariable)
	case certificate == "":
		e.fault("%s is set without OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", keyVariable)
	default:
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			e.fault("%s, %s: %w", certificateVariable, keyVariable, err)
		}
		trust.Certificates = []tls.Certificate{pair}
	}
	return trust
}
