package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
)

// A decision is one of CrowdSec's local API, as far as it matters here.
// https://crowdsecurity.github.io/api_doc/lapi/ (GetDecisionsStreamResponse)
type decision struct {
	Duration string `json:"duration"` // that is left, such as "3h59m52.1s"
	Origin   string `json:"origin"`
	Scope    string `json:"scope"` // "Ip" or "Range", or what somebody made up
	Type     string `json:"type"`  // "ban", or what somebody made up
	Value    string `json:"value"`
}

// maxOrigins is how many origins are told apart; a list has a handful.
const maxOrigins = 64

// decisions reads {"new": [...], "deleted": [...]}. All that hold are new in the answer to
// a question with startup=true, so those that were deleted do not matter.
func (r *reader) decisions(from io.Reader) error {
	in := json.NewDecoder(from)
	if err := r.expect(in, json.Delim('{')); err != nil {
		return err
	}
	r.list.Origins = make(map[string]int)
	seen := false
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return r.badJSON(in, err)
		}
		if key == "new" {
			seen = true
			err = r.each(in)
		} else {
			err = r.skip(in)
		}
		if err != nil {
			return err
		}
	}
	if err := r.expect(in, json.Delim('}')); err != nil {
		return err
	}
	if !seen {
		return refuse(NotAList, `%s: no key "new": is this the address of the local API?`, r.name)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		if err == nil {
			return refuse(NotAList, "%s: something behind the decisions", r.name)
		}
		return r.badJSON(in, err)
	}
	return nil
}

// expect reads one token.
func (r *reader) expect(in *json.Decoder, want json.Delim) error {
	got, err := in.Token()
	if err != nil {
		return r.badJSON(in, err)
	}
	if got != want {
		return refuse(NotAList, "%s: byte %d: %v where %v was expected", r.name, in.InputOffset(), got, want)
	}
	return nil
}

// each reads a list, which may be null, one by one. A decision that cannot be read is
// skipped, as anybody may add one; it is told of if no other can be read.
func (r *reader) each(in *json.Decoder) error {
	first, err := in.Token()
	if err != nil {
		return r.badJSON(in, err)
	}
	if first == nil {
		return nil
	}
	if first != json.Delim('[') {
		return refuse(NotAList, "%s: byte %d: decisions are %v, and no list", r.name, in.InputOffset(), first)
	}
	var unread error // about the first of these
	for in.More() {
		var d decision
		var listed *Entry
		var kind *json.UnmarshalTypeError
		switch err = in.Decode(&d); {
		case err == nil:
			listed, err = r.decision(&d)
		case !errors.As(err, &kind):
			return r.badJSON(in, err)
		}
		if listed == nil {
			r.list.Skipped++
			if unread == nil && err != nil {
				unread = refuse(NotAList, "%s: byte %d: %w", r.name, in.InputOffset(), err)
			}
			continue
		}
		if err := r.decided(listed, d.Origin, in.InputOffset()); err != nil {
			return err
		}
	}
	if err := r.expect(in, json.Delim(']')); err != nil {
		return err
	}
	if len(r.list.Entries) == 0 {
		return unread
	}
	return nil
}

// skip passes over a value, however deep.
func (r *reader) skip(in *json.Decoder) error {
	for depth := 0; ; {
		token, err := in.Token()
		if err != nil {
			return r.badJSON(in, err)
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// badJSON returns what is wrong with the text, or what the source returned.
func (r *reader) badJSON(in *json.Decoder, err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		if in.InputOffset() == 0 {
			return refuse(Empty, "%s: nothing was sent", r.name)
		}
		return refuse(Truncated, "%s: it ends at byte %d, in the middle", r.name, in.InputOffset())
	case errors.As(err, &syntax):
		return refuse(NotAList, "%s: byte %d: %w", r.name, in.InputOffset(), err)
	}
	return fmt.Errorf("read %s: %w", r.name, err)
}

// decision returns what a decision lists, or nil if that is nothing to be dropped.
func (r *reader) decision(d *decision) (*Entry, error) {
	if !strings.EqualFold(d.Scope, "range") && !strings.EqualFold(d.Scope, "ip") || !strings.EqualFold(d.Type, "ban") {
		return nil, nil
	}
	left, err := time.ParseDuration(d.Duration)
	if err != nil {
		return nil, fmt.Errorf("bad duration %.40q of %.40q (want one such as 4h)", d.Duration, d.Value)
	}
	if left < time.Second {
		return nil, nil
	}
	prefix, ok := prefixOf(d.Value)
	if !ok {
		return nil, fmt.Errorf("bad value %.60q of scope %.20q (want an address or a prefix)", d.Value, d.Scope)
	}
	return &Entry{prefix, r.now.Add(left).Unix()}, nil
}

// decided takes what a decision lists that ends at an offset.
func (r *reader) decided(e *Entry, origin string, offset int64) error {
	if err := r.add(e.Prefix, e.Until); err != nil {
		if fault, ok := err.(*geo.Fault); ok {
			err = &Refusal{r.reason, fmt.Errorf("%s: byte %d: %s (%s)", r.name, offset, fault.Message, fault.Cure)}
		}
		return err
	}
	if len(r.list.Origins) < maxOrigins || r.list.Origins[origin] > 0 {
		r.list.Origins[origin]++
	}
	return nil
}

// prefixOf reads an address or a prefix, whatever the scope: CrowdSec takes "Ip" with the
// value of a range as it is sent.
func prefixOf(text string) (netip.Prefix, bool) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		return p.Masked(), err == nil && !p.Addr().Is4In6()
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}
