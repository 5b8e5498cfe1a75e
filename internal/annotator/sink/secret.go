package sink

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"strings"
	"unicode"
)

// mostSecret is more than any address or token has, in bytes.
const mostSecret = 4 << 10

// readSecret reads a file that holds one line. It is read whenever it is used, so
// that it may be replaced at any time.
func readSecret(what, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostSecret+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	secret := strings.TrimSpace(string(data))
	switch {
	case secret == "":
		return "", fmt.Errorf("read %s: file %q is empty", what, file)
	case len(data) > mostSecret:
		return "", fmt.Errorf("read %s: file %q has more than %d bytes", what, file, mostSecret)
	case strings.ContainsFunc(secret, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) || r == ' ' }):
		return "", fmt.Errorf("read %s: file %q holds more than one word; write nothing but the secret into it", what, file)
	}
	return secret, nil
}

// parseBase checks an address. Errors do not show it, because it may be secret.
func parseBase(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Opaque != "" || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the address is not of the form https://host/path")
	case u.User != nil:
		return nil, errors.New("the address holds a user; write the token into a file of its own")
	case u.Fragment != "":
		return nil, errors.New("the address holds a \"#\", which no server would see")
	}
	return u, nil
}

// parseBases checks the base addresses of links.
func parseBases(raw []string) ([]*url.URL, error) {
	var bases []*url.URL
	for _, r := range raw {
		u, err := parseBase(r)
		if err != nil {
			return nil, fmt.Errorf("base of links %q: %w", r, err)
		}
		bases = append(bases, u)
	}
	return bases, nil
}

// ownLink returns a link as it may be shown, or "" if it is not below one of the
// bases, or too long.
func ownLink(raw string, bases []*url.URL) string {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" {
		return ""
	}
	// A backslash is a slash to some browsers, and %2e a dot.
	if strings.Contains(raw, `\`) {
		return ""
	}
	asked := path.Clean("/" + u.Path)
	for _, b := range bases {
		root := strings.TrimSuffix(b.Path, "/")
		if u.Scheme == b.Scheme && strings.EqualFold(u.Host, b.Host) && (asked == root || strings.HasPrefix(asked, root+"/")) {
			if l := escapeLink(u); len(l) <= mostLink {
				return l
			}
		}
	}
	return ""
}

// mostLink is the length of a link in bytes. Two fit into each target.
const mostLink = 1000

// escapeLink writes a link without characters that end one, or cannot be seen,
// anywhere.
func escapeLink(u *url.URL) string {
	var b strings.Builder
	for _, c := range []byte(u.String()) {
		if c <= ' ' || c > unicode.MaxASCII || strings.IndexByte("<>|\"'`()[]{}*@^", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
