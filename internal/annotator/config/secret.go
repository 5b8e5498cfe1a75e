package config

import (
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/remote"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// secretWords are keys under which somebody might look for the place of a secret.
var secretWords = []string{"api_key", "apikey", "bearer_token", "credentials", "key", "password", "secret", "token"}

// unknown records that a key is one for a secret, which nobody is to write here. It does
// not show it.
func (d *decoder) unknown(key *yaml.Node, known []string) bool {
	word := yamlfile.Resolve(key).Value
	if !slices.Contains(secretWords, word) {
		return false
	}
	cure := "write it into a file of its own"
	files := slices.DeleteFunc(slices.Clone(known), func(k string) bool {
		return !strings.HasSuffix(k, "_file") || k == "ca_file" || k == "url_file" || k == "protected_file"
	})
	switch {
	case slices.Contains(files, "sha256_file"):
		cure = "write its SHA-256 into a file, and name that: sha256_file"
	case len(files) > 0:
		cure += ", and name that: " + strings.Join(files, " or ")
	}
	d.Fault(key, cure, "%s: secrets do not stand in this file", word)
	return true
}

// secret returns the path of a file that whoever needs the secret in it reads.
func (d *decoder) secret(n *yaml.Node) string {
	path := d.Path(n)
	if path != "" {
		d.checks = append(d.checks, func() { d.checkSecret(n, path) })
	}
	return path
}

// secretURL is secret for a file with a URL.
func (d *decoder) secretURL(n *yaml.Node) string {
	if u, err := url.Parse(n.Value); err == nil && u.Scheme != "" {
		d.Fault(n, "write it into a file and name that, or name it url if it is no secret", "a URL, where the path of a file is wanted")
		return ""
	}
	path := d.Path(n)
	if path != "" {
		d.checks = append(d.checks, func() {
			text := d.checkSecret(n, path)
			u, err := url.Parse(text)
			if text != "" && (err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https") {
				d.Fault(n, "write it such as https://host/path", "%s holds no URL", path)
			}
		})
	}
	return path
}

// checkSecret returns what is in a file, or "" with a fault recorded.
func (d *decoder) checkSecret(n *yaml.Node, path string) string {
	if !d.checkMode(n, path, 0o007, "read") {
		return ""
	}
	secret, err := remote.ReadSecret(path)
	if err != nil {
		d.Fault(n, "", "%v", err)
	}
	return secret
}

// checkMode records that a file is none, or that strangers may do what is forbidden to
// them. Mode are the bits of that.
func (d *decoder) checkMode(n *yaml.Node, path string, mode fs.FileMode, what string) bool {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		d.Unreadable(path, err)
	case !info.Mode().IsRegular():
		d.Fault(n, "", "%s is no file", path)
	case info.Mode()&mode != 0:
		d.Fault(n, "chmod o= "+path, "%s can be %s by everybody", path, what)
	default:
		return true
	}
	return false
}

// mappings returns the elements of a list that are mappings; what names the list in
// faults, one an element. Faults do not show others, which may be what is to stand in a
// file of its own.
func (d *decoder) mappings(n *yaml.Node, what, one string) []*yaml.Node {
	return slices.DeleteFunc(d.Sequence(n, what), func(element *yaml.Node) bool {
		switch {
		case yamlfile.IsNull(element):
			d.Fault(element, "remove the \"-\"", "empty %s", one)
		case element.Kind != yaml.MappingNode:
			d.Fault(element, "", "a %s must be a mapping of keys to values", one)
		default:
			return false
		}
		return true
	})
}

// names holds the line of each name that was seen.
type names map[string]int

// nameForm is that of names, which are labels of metrics and keys of the store.
var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,63}$`)

// name returns a name that no earlier one of its kind has, or "" with a fault recorded.
func (d *decoder) name(n *yaml.Node, what string, seen names) string {
	name, ok := d.Text(n)
	if !ok {
		return ""
	}
	line, taken := seen[name]
	switch {
	case taken && line == 0:
		d.Fault(n, "", "%s name %q is taken", what, name)
	case taken:
		d.Fault(n, "", "duplicate %s name %q, first on line %d", what, name, line)
	case !nameForm.MatchString(name):
		d.Fault(n, "use up to 63 letters, digits, _ . and -", "bad %s name %q", what, name)
	default:
		seen[name] = n.Line
		return name
	}
	return ""
}

// oneLine returns a text of several lines as one.
func oneLine(text string) string { return strings.Join(slices.Collect(strings.FieldsSeq(text)), " ") }
