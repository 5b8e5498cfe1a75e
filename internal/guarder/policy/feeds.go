package policy

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"
)

// feed reads an entry of "feeds:".
func (r *reader) feed(n *yaml.Node, base settings) {
	r.in = "feeds"
	defer func() { r.in = "" }()
	f := feedDefaults(r.feedFormat(n))
	f.At = r.position(n)
	faults := len(r.faults)
	seen := map[string]*yaml.Node{}
	r.mapping(n, "a feed", r.feedFields(&f, &base, seen))
	if n.Kind != yaml.MappingNode {
		return
	}
	switch {
	case f.Name == "":
		if !has(n, "feed") {
			r.fault(n, missingKey, "add feed:", "the feed has no name")
		}
		return
	case !r.once(n, "feed "+f.Name, fmt.Sprintf("feed %q", f.Name)):
		return
	}
	r.checkFeed(n, &f, seen)
	if len(r.faults) > faults && Failed(r.faults[faults:]) || base.mode == Off {
		return
	}
	f.Mode, f.Asks, f.Labels = base.mode, base.asks, base.labels
	if len(r.policy.Feeds) == MaxFeeds {
		r.fault(n, OverBudget, "join lists that are treated alike", "more than %d feeds", MaxFeeds)
		return
	}
	r.policy.Feeds = append(r.policy.Feeds, f)
	r.feedDevices = append(r.feedDevices, base.interfaces...)
}

// feedFormat returns what stands behind "format" before all else is read, as it decides
// about the defaults; if that is no format, there is a fault later.
func (r *reader) feedFormat(n *yaml.Node) FeedFormat {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		for f, word := range feedFormats {
			if n.Content[i].Value == "format" && resolve(n.Content[i+1]).Value == word {
				return FeedFormat(f)
			}
		}
	}
	return PlainList
}

// feedFields reads the keys of a feed; it notes where those are that checkFeed may find at
// fault.
func (r *reader) feedFields(f *Feed, s *settings, seen map[string]*yaml.Node) []field {
	entries := func(name string, least uint32, to *int) func(*yaml.Node) {
		return func(n *yaml.Node) {
			if v, ok := r.number(n, name, least, maxFeedEntries); ok {
				*to, seen[name] = int(v), n
			}
		}
	}
	fields := []field{
		{"feed", "The name of the feed, unique in the policy. Its counters go on over reloads as long as it stays.", plain("string"), func(n *yaml.Node) {
			f.Name = r.name(n, "feed")
			r.in = "feeds/" + f.Name
		}},
		{"url", "Where the list is fetched from: https://, or http:// on this host.", plain("string"), func(n *yaml.Node) {
			f.URL, seen["url"] = r.feedURL(n), n
		}},
		{"file", "A file with the list. Its path is relative to this file.", plain("string"), func(n *yaml.Node) {
			if text, ok := r.text(n); ok {
				if !filepath.IsAbs(text) {
					text = filepath.Join(filepath.Dir(r.file), text)
				}
				f.File, seen["file"] = text, n
			}
		}},
		{"format", "How the list is written. plain, netset and spamhaus-text have a prefix a line, spamhaus-json an object a line; crowdsec-stream are the decisions of a local API.", words(feedFormats...), func(n *yaml.Node) {
			r.word(n, "format", feedFormats)
		}},
		{"api_key_file", "A file with the key that the server of a crowdsec-stream asks for.", plain("string"), func(n *yaml.Node) {
			f.KeyFile, _ = r.text(n)
			seen["api_key_file"] = n
		}},
		{"refresh", "How often the list is read: 12h unless said otherwise, 30s for a crowdsec-stream.", plain("string"), func(n *yaml.Node) {
			f.Refresh, seen["refresh"] = r.duration(n, "refresh"), n
		}},
		{"stale_after", "The age of the last good list from which on it is told that it is old: 48h, or 10m for a crowdsec-stream. It stays in force.", plain("string"), func(n *yaml.Node) {
			f.StaleAfter, seen["stale_after"] = r.duration(n, "stale_after"), n
		}},
		{"min_entries", "A list with fewer entries is refused, and the one before stays: 1, or 0 for a crowdsec-stream.", plain("integer"), entries("min_entries", 0, &f.MinEntries)},
		{"max_entries", "A list with more entries is refused, and the one before stays: 100000.", plain("integer"), entries("max_entries", 1, &f.MaxEntries)},
		{"widest_prefix", "A list with a shorter prefix is refused: {ipv4: 8, ipv6: 16}.", refer("widest_prefix"), func(n *yaml.Node) {
			r.mapping(n, "widest_prefix", r.widestFields(f))
		}},
	}
	return append(append(fields, r.feedFates(f)...), r.feedSettings(s)...)
}

// feedFates are what becomes of entries, and of packets that they are about.
func (r *reader) feedFates(f *Feed) []field {
	return []field{
		{"protect", "Names of sets that the list must not touch. It must never touch this host's addresses, its gateways and resolvers, and private addresses.", severalOf(plain("string")), func(n *yaml.Node) {
			for _, e := range r.oneOrMany(n, "protect") {
				if s := r.use(e, "prefix"); s != nil {
					f.Protect = append(f.Protect, s.prefixes...)
				}
			}
			f.Protect = merged(f.Protect)
		}},
		{"on_protected", "refuse a list that touches what it must not, or exclude that from it: refuse, but for a crowdsec-stream.", words("refuse", "exclude"), func(n *yaml.Node) {
			if i := r.word(n, "word", []string{"refuse", "exclude"}); i >= 0 {
				f.Exclude = i == 1
			}
		}},
		{"action", "drop packets from listed addresses, or count them: drop.", words("drop", "count"), func(n *yaml.Node) {
			if i := r.word(n, "action", []string{"drop", "count"}); i >= 0 {
				f.Action = []Action{Drop, Count}[i]
			}
		}},
	}
}

// feedSettings are those of the settings of rules that feeds have too.
func (r *reader) feedSettings(s *settings) []field {
	var fields []field
	for _, f := range r.settingFields(s) {
		if f.name == "mode" || f.name == "labels" {
			fields = append(fields, f)
		}
	}
	return fields
}

func (r *reader) widestFields(f *Feed) []field {
	bits := func(family string, most uint32, to *int) field {
		return field{family, "The bits of the shortest prefix of this family.", plain("integer"), func(n *yaml.Node) {
			if v, ok := r.number(n, family, 1, most); ok {
				*to = int(v)
			}
		}}
	}
	return []field{bits("ipv4", 32, &f.Widest4), bits("ipv6", 128, &f.Widest6)}
}

// feedURL returns the address of a list, or "" with a fault recorded.
func (r *reader) feedURL(n *yaml.Node) string {
	text, ok := r.text(n)
	if !ok {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		r.fault(n, badSource, "want https://host/path, or http://localhost/path", "bad URL %q", text)
		return ""
	case u.User != nil:
		r.fault(n, badSource, "have api_key_file, or a list that everybody may read", "a password in an URL, which logs would show")
		return ""
	case u.Scheme == "http" && !isLocal(u.Hostname()):
		r.fault(n, openSource, "fetch it by https", "%s is not encrypted: whoever is on the way can have any address dropped", u.Host)
	}
	return text
}

func isLocal(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// checkFeed looks at what belongs together.
func (r *reader) checkFeed(n *yaml.Node, f *Feed, seen map[string]*yaml.Node) {
	switch {
	case f.URL != "" && f.File != "":
		r.fault(seen["file"], contradiction, "have one of them", "a feed with an URL and a file")
	case seen["url"] == nil && seen["file"] == nil:
		r.fault(n, missingKey, "add url: or file:", "the feed has no source")
	}
	if f.KeyFile != "" && f.Format != CrowdSec {
		r.fault(seen["api_key_file"], contradiction, "remove it, or have format: crowdsec-stream", "a key for a list of format %v", f.Format)
	}
	if f.MinEntries > f.MaxEntries {
		at := seen["min_entries"]
		if at == nil {
			at = n
		}
		r.fault(at, contradiction, "", "min_entries %d is more than max_entries %d", f.MinEntries, f.MaxEntries)
	}
	if f.MinEntries == 0 && f.Format != CrowdSec {
		r.fault(seen["min_entries"], outOfRange, "have 1 or more", "min_entries 0: an empty list is taken for one that got lost")
	}
	r.checkRefresh(f, seen)
}

func (r *reader) checkRefresh(f *Feed, seen map[string]*yaml.Node) {
	least := leastRefresh
	if u, err := url.Parse(f.URL); f.Format != CrowdSec && f.URL != "" && err == nil && !isLocal(u.Hostname()) {
		least = remoteRefresh
		if host := u.Hostname(); host == "spamhaus.org" || strings.HasSuffix(host, ".spamhaus.org") {
			least = spamhausRefresh
		}
	}
	if at := seen["refresh"]; at != nil && f.Refresh != 0 && f.Refresh < least {
		r.fault(at, outOfRange, "", "refresh %s of this source: want at least %v", at.Value, model.Duration(least))
		return
	}
	at := seen["stale_after"]
	if at == nil {
		at = seen["refresh"]
	}
	if at != nil && f.StaleAfter < f.Refresh {
		r.fault(at, contradiction, "have several times refresh", "stale_after %v is less than refresh %v", model.Duration(f.StaleAfter), model.Duration(f.Refresh))
	}
}
