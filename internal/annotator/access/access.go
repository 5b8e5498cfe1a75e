// Package access says who may do what, by bearer tokens of which only the hashes are
// known here.
//
//	tokens := access.Tokens{{Name: "oncall", Hash: hash, Scopes: []access.Scope{access.Read, access.Approve}}}
//	who, err := tokens.Judge(r, access.Approve)
//
// A token is random, so that its SHA-256 needs no salt and no slow function. Its hash is
// written by
//
//	printf %s TOKEN | sha256sum > oncall.sha256
package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// A Scope is what a token is for.
type Scope string

const (
	// Ingest: to send alerts, as Alertmanager does.
	Ingest Scope = "ingest"
	// Read: to see what is known, to ask for an explanation and to judge it.
	Read Scope = "read"
	// Approve: to decide on proposals and on dead letters.
	Approve Scope = "approve"
)

// Scopes are all of them.
var Scopes = []Scope{Ingest, Read, Approve}

// A Token is known by its hash.
type Token struct {
	// Name is of who has it, for the audit log.
	Name   string
	Hash   [sha256.Size]byte
	Scopes []Scope
}

// Tokens are those in force. It may be used from any goroutine, as long as it is not
// changed.
//
// If there are none, everybody may ingest and read. Nobody may approve, as it would not
// be known who did.
type Tokens []Token

// Anybody is the name of who shows no token where none is needed.
const Anybody = "anybody"

// Judge returns the name of who sent a request that needs a scope. Errors are
// [webhook.ErrUnknown] and [webhook.ErrForbidden].
//
// How long it takes does not depend on how much of a token is right, nor on which of
// them it is.
func (t Tokens) Judge(r *http.Request, needed Scope) (name string, err error) {
	if len(t) == 0 {
		if needed == Approve {
			return "", webhook.ErrForbidden
		}
		return Anybody, nil
	}
	scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	hash := sha256.Sum256([]byte(strings.TrimSpace(shown)))
	found := -1
	for i := range t {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash[:], t[i].Hash[:]), i, found)
	}
	switch {
	case found < 0 || !strings.EqualFold(scheme, "Bearer"):
		return "", webhook.ErrUnknown
	case !slices.Contains(t[found].Scopes, needed):
		return t[found].Name, webhook.ErrForbidden
	}
	return t[found].Name, nil
}

// For returns who may send requests that need a scope.
func (t Tokens) For(needed Scope) webhook.Auth {
	return func(r *http.Request) error {
		_, err := t.Judge(r, needed)
		return err
	}
}
