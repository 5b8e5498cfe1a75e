package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inFolder makes a folder with files the working directory. Names that begin with "!" are
// of files that everybody can read and write.
func inFolder(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		mode := fs.FileMode(0o640)
		if open, ok := strings.CutPrefix(name, "!"); ok {
			name, mode = open, 0o666
		}
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

// faultsOf returns the lines of an error, nil for none.
func faultsOf(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

const (
	// sum is of "first", otherSum of "second".
	sum      = "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e"
	otherSum = "16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4"
	cure     = " (correct the path, or make the file)"
)

func TestCheckReportsFaultsOfAllFiles(t *testing.T) {
	const (
		model    = "llm: {providers: [{name: a, base_url: 'http://localhost/v1', model: m, api_key_file: key}]}\n"
		slack    = "sinks: {notify: [{name: a, format: slack, url_file: url}]}\n"
		token    = "auth:\n  tokens:\n  - {name: a, sha256_file: a.sum, scopes: [read]}\n"
		ca       = "prometheus: {url: 'https://p', ca_file: ca.pem}\n"
		exporter = "exporters: [{instance: 'a:1', url: 'http://a:1', basic_auth: {username: u, password_file: pass}}]\n"
		file     = "suggest: {protected_file: nets.txt}\n"
		// The password is "test", as in the documentation of exporter-toolkit.
		users = "basic_auth_users: {a: $2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay}\n"
	)
	for _, c := range []struct {
		claim  string
		config string
		files  map[string]string
		// load are the faults that Load has, too; check those that Check alone has.
		load, check []string
	}{
		{"secrets are good", model + slack, map[string]string{"key": "sk-hush\n", "url": "https://hooks.example.net/hush?a=b"}, nil, nil},
		{"no key", model, nil, nil, []string{"x.yaml:1:86: stat key: no such file or directory" + cure}},
		{"the key is empty", model, map[string]string{"key": "\n"}, nil, []string{`x.yaml:1:86: read secret: file "key" is empty`}},
		{"the key is two words", model, map[string]string{"key": "hush hush"}, nil,
			[]string{`x.yaml:1:86: read secret: file "key" holds more than one word of ASCII; write nothing but the secret into it`}},
		{"everybody can read the key", model, map[string]string{"!key": "hush"}, nil, []string{"x.yaml:1:86: key can be read by everybody (chmod o= key)"}},
		{"the key is a folder", model, map[string]string{"key/x": ""}, nil, []string{"x.yaml:1:86: key is no file"}},
		{"the file of a URL has none", slack, map[string]string{"url": "hooks.example.net/hush"}, nil, []string{"x.yaml:1:53: url holds no URL (write it such as https://host/path)"}},
		{"the URL has a password", slack, map[string]string{"url": "https://me:hush@hooks.example.net"}, nil, []string{"x.yaml:1:53: url holds no URL (write it such as https://host/path)"}},

		{"the hash is good", token, map[string]string{"a.sum": sum + "  -\n"}, nil, nil},
		{"no hash", token, nil, []string{"x.yaml:3:28: open a.sum: no such file or directory" + cure}, nil},
		{"the token in place of its hash", token, map[string]string{"a.sum": "hush"},
			[]string{`x.yaml:3:28: file "a.sum" does not hold one SHA-256 (write it by: printf %s TOKEN | sha256sum > FILE)`}, nil},
		{"everybody can change the hash", token, map[string]string{"!a.sum": sum}, nil, []string{"x.yaml:3:28: a.sum can be changed by everybody (chmod o= a.sum)"}},
		{"two with the same token", token + "  - {name: b, sha256_file: b.sum, scopes: [read]}\n", map[string]string{"a.sum": sum, "b.sum": sum},
			[]string{"x.yaml:4:28: same token as on line 3 (give everyone a token of their own)"}, nil},
		{"two with two tokens", token + "  - {name: b, sha256_file: b.sum, scopes: [read]}\n", map[string]string{"a.sum": sum, "b.sum": otherSum}, nil, nil},

		{"no authority", ca, nil, []string{"x.yaml:1:41: open ca.pem: no such file or directory" + cure}, nil},
		{"no certificate", ca, map[string]string{"ca.pem": "-----BEGIN PRIVATE KEY-----\n"}, []string{"x.yaml:1:41: ca.pem holds no certificate (it begins with -----BEGIN CERTIFICATE-----)"}, nil},

		{"an exporter is good", exporter + "geo: {databases: [a.mmdb]}\n", map[string]string{"pass": "hush", "a.mmdb": "x"}, nil, nil},
		{"no password", exporter, nil, nil, []string{"x.yaml:1:91: stat pass: no such file or directory" + cure}},
		{"everybody can read the password", exporter, map[string]string{"!pass": "hush"}, nil, []string{"x.yaml:1:91: pass can be read by everybody (chmod o= pass)"}},
		{"no database", "geo: {databases: [a.mmdb]}\n", nil, nil, []string{"x.yaml:1:19: stat a.mmdb: no such file or directory" + cure}},
		{"everybody can change overrides", "geo: {overrides: [a.yml]}\n", map[string]string{"!a.yml": "x"}, nil, []string{"x.yaml:1:18: a.yml can be changed by everybody (chmod o= a.yml)"}},

		{"networks are good", file, map[string]string{"nets.txt": "# ours\r\n10.0.0.0/8 # all\r\n\r\n"}, nil, nil},
		{"no networks", file, nil, []string{"x.yaml:1:27: open nets.txt: no such file or directory" + cure}, nil},
		{"bad networks", file, map[string]string{"nets.txt": "10.0.0.0/8\n\t10.0.0.1/8 # x\ngateway\n"}, []string{
			`nets.txt:2:2: network "10.0.0.1/8" has bits set behind its length (write 10.0.0.0/8)`,
			`nets.txt:3:1: bad network "gateway" (write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32)`,
		}, nil},

		{"TLS is good", "listen: {web_config: web.yml}\n" + token, map[string]string{"web.yml": "tls_server_config: {}\n", "a.sum": sum}, nil, nil},
		{"no web config", "listen: {web_config: web.yml}\n", nil, nil, []string{"x.yaml:1:22: open web.yml: no such file or directory" + cure}},
		{"a web config that loses alerts", "listen: {web_config: web.yml}\n", map[string]string{"web.yml": "rate_limit: {interval: 1s}\n"},
			[]string{"x.yaml:1:22: rate_limit answers 429, which Alertmanager does not repeat soon: alerts get lost (remove rate_limit from web.yml)"}, nil},
		{"users are good without tokens", "listen: {web_config: web.yml}\n", map[string]string{"web.yml": users}, nil, nil},
		{"users and tokens", "listen: {web_config: web.yml}\n" + token, map[string]string{"web.yml": users, "a.sum": sum},
			[]string{"x.yaml:1:22: a request has one Authorization, either of basic_auth_users or of auth.tokens (remove auth.tokens, or basic_auth_users from web.yml)"}, nil},
		{"a web config without a key", "listen: {web_config: web.yml}\n", map[string]string{"web.yml": "tls_server_config: {cert_file: x}\n"}, nil,
			[]string{"x.yaml:1:22: web.yml: missing one of key or key_file"}},
		{"a web config that is none", "listen: {web_config: web.yml}\n", map[string]string{"web.yml": "- a\n- b\n"}, nil,
			[]string{"x.yaml:1:22: web.yml: yaml: unmarshal errors: line 1: cannot unmarshal !!seq into map[string]yaml.Node"}},

		{"faults of the config hide no others", "storm: {asked: 0}\n" + file, map[string]string{"nets.txt": "gateway\n"}, []string{
			"x.yaml:1:16: 0 is out of range: want an integer from 1 to 100",
			`nets.txt:1:1: bad network "gateway" (write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32)`,
		}, nil},
	} {
		t.Run(c.claim, func(t *testing.T) {
			files := map[string]string{"x.yaml": c.config}
			for name, text := range c.files {
				files[name] = text
			}
			inFolder(t, files)
			_, err := Load("x.yaml")
			if diff := cmp.Diff(c.load, faultsOf(err)); diff != "" {
				t.Errorf("faults of Load (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(append(c.load[:len(c.load):len(c.load)], c.check...), faultsOf(Check("x.yaml"))); diff != "" {
				t.Errorf("faults of Check (-want +got):\n%s", diff)
			}
			for _, fault := range append(faultsOf(err), faultsOf(Check("x.yaml"))...) {
				if strings.Contains(fault, "hush") {
					t.Errorf("a fault tells a secret: %s", fault)
				}
			}
		})
	}
}
