package access

import (
	"crypto/sha256"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

func token(name, secret string, scopes ...Scope) Token {
	return Token{Name: name, Hash: sha256.Sum256([]byte(secret)), Scopes: scopes}
}

func TestTokensOpenWhatTheyAreFor(t *testing.T) {
	tokens := Tokens{token("am", "first", Ingest), token("oncall", "second", Read, Approve), token("nobody", "third")}
	for _, c := range []struct {
		header string
		needed Scope
		name   string
		err    error
	}{
		{"Bearer first", Ingest, "am", nil},
		{"bearer first", Ingest, "am", nil},
		{"Bearer  first ", Ingest, "am", nil},
		{"Bearer first", Read, "am", webhook.ErrForbidden},
		{"Bearer first", Approve, "am", webhook.ErrForbidden},
		{"Bearer second", Read, "oncall", nil},
		{"Bearer second", Approve, "oncall", nil},
		{"Bearer second", Ingest, "oncall", webhook.ErrForbidden},
		{"Bearer third", Read, "nobody", webhook.ErrForbidden},
		{"Bearer firs", Ingest, "", webhook.ErrUnknown},
		{"Bearer firsts", Ingest, "", webhook.ErrUnknown},
		{"Bearer First", Ingest, "", webhook.ErrUnknown},
		{"Bearer", Ingest, "", webhook.ErrUnknown},
		{"Bearer ", Ingest, "", webhook.ErrUnknown},
		{"first", Ingest, "", webhook.ErrUnknown},
		{"Basic first", Ingest, "", webhook.ErrUnknown},
		{"", Ingest, "", webhook.ErrUnknown},
		// The hash is no token.
		{"Bearer a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e", Ingest, "", webhook.ErrUnknown},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", c.header)
		name, err := tokens.Judge(r, c.needed)
		if name != c.name || !errors.Is(err, c.err) {
			t.Errorf("%q for %s is %q, %v; want %q, %v", c.header, c.needed, name, err, c.name, c.err)
		}
		if err := tokens.For(c.needed)(r); !errors.Is(err, c.err) {
			t.Errorf("%q for %s: %v, want %v", c.header, c.needed, err, c.err)
		}
	}
}

func TestWithoutTokensNobodyApproves(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer x")
	for scope, want := range map[Scope]error{Ingest: nil, Read: nil, Approve: webhook.ErrForbidden} {
		if _, err := (Tokens)(nil).Judge(r, scope); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", scope, err, want)
		}
	}
}

func TestHashesAreReadAsSha256sumWritesThem(t *testing.T) {
	// printf %s first | sha256sum
	const hash = "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e"
	path := filepath.Join(t.TempDir(), "x")
	for text, want := range map[string]string{
		hash:                           "",
		hash + "\n":                    "",
		hash + "  -\n":                 "",
		hash + " *token file\n":        "",
		strings.ToUpper(hash) + "\r\n": "",
		"":                             "does not hold one SHA-256",
		"hush":                         "does not hold one SHA-256",
		hash[1:]:                       "does not hold one SHA-256",
		hash + "00":                    "does not hold one SHA-256",
		hash + "\n" + hash + "\n":      "does not hold one SHA-256",
		strings.Repeat("g", 64):        "does not hold one SHA-256",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": "holds the SHA-256 of no token",
		"01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b": "holds the SHA-256 of no token",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadHash(path)
		switch {
		case want == "" && (err != nil || got != sha256.Sum256([]byte("first"))):
			t.Errorf("%q: %x, %v", text, got, err)
		case want != "" && (err == nil || err.Error() != `file "`+path+`" `+want):
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	if _, err := ReadHash(path + "y"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
