package config

import (
	"errors"
	"io/fs"

	"github.com/packetscope/packetscope/internal/annotator/access"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

func (d *decoder) auth(n *yaml.Node, tokens *access.Tokens) {
	d.Mapping(n, "auth", yamlfile.Keys{
		"tokens": func(n *yaml.Node) {
			elements := d.mappings(n, "auth.tokens", "token")
			// An empty list reads like "nobody", and would be everybody.
			if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
				d.Fault(n, "list some, or remove the key, which opens the annotator to everybody", "auth.tokens is empty")
			}
			*tokens = make(access.Tokens, len(elements))
			names, hashes := names{}, map[[32]byte]*yaml.Node{}
			for i, element := range elements {
				d.token(element, &(*tokens)[i], names, hashes)
			}
		},
	})
}

// token decodes a token into its place, where its hash is put when it was read.
func (d *decoder) token(n *yaml.Node, token *access.Token, names names, hashes map[[32]byte]*yaml.Node) {
	var name, file, scopes *yaml.Node
	d.Mapping(n, "a token", yamlfile.Keys{
		"name": func(n *yaml.Node) { name, token.Name = n, d.name(n, "token", names) },
		"sha256_file": func(n *yaml.Node) {
			file = n
			path := d.Path(n)
			if path == "" {
				return
			}
			d.reads = append(d.reads, func() { token.Hash = d.hash(n, path, hashes) })
			d.checks = append(d.checks, func() {
				if token.Hash != [32]byte{} {
					d.checkMode(n, path, 0o002, "changed")
				}
			})
		},
		"scopes": func(n *yaml.Node) { scopes, token.Scopes = n, d.scopes(n) },
	})
	if name == nil {
		d.Fault(n, "it says in the audit log who it was", "token without a name")
	}
	if file == nil {
		d.Fault(n, "name the file with its hash: sha256_file", "token without a hash")
	}
	if scopes == nil {
		d.Fault(n, "known: ingest, read, approve", "token without scopes")
	}
}

func (d *decoder) scopes(n *yaml.Node) []access.Scope {
	words := make([]string, 0, len(access.Scopes))
	for _, s := range access.Scopes {
		words = append(words, string(s))
	}
	elements := d.Sequence(n, "scopes")
	if len(elements) == 0 && n.Kind == yaml.SequenceNode {
		d.Fault(n, "known: ingest, read, approve", "token without scopes")
	}
	scopes := make([]access.Scope, 0, len(elements))
	for _, element := range elements {
		scopes = append(scopes, access.Scopes[d.Choice(element, "scope", words...)])
	}
	return scopes
}

// hash reads the hash of a token that no other has.
func (d *decoder) hash(n *yaml.Node, path string, hashes map[[32]byte]*yaml.Node) [32]byte {
	hash, err := access.ReadHash(path)
	_, system := errors.AsType[*fs.PathError](err)
	switch first := hashes[hash]; {
	case system:
		d.Unreadable(path, err)
	case err != nil:
		d.Fault(n, "write it by: printf %s TOKEN | sha256sum > FILE", "%v", err)
	case first != nil:
		d.Fault(n, "give everyone a token of their own", "same token as on line %d", first.Line)
	default:
		hashes[hash] = n
	}
	return hash
}
