package policy

import (
	"hash/fnv"
	"net/netip"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// A Feed is a list of addresses that somebody else keeps, and that is read again while
// the policy is in force. What its entries do to packets is the same for all of them.
type Feed struct {
	Name string
	At   Position
	// URL or File is where the list is; the other is "".
	URL, File string
	Format    FeedFormat
	// KeyFile holds the key that the server of a decision stream asks for; "" sends none.
	KeyFile string
	// Refresh is how often the list is read, StaleAfter the age of the last good one from
	// which on it is told that it is old. It stays in force all the same.
	Refresh, StaleAfter time.Duration
	// A list with fewer entries than MinEntries, or more than MaxEntries, is refused.
	MinEntries, MaxEntries int
	// A list with a prefix that is shorter than Widest4 or Widest6 bits is refused.
	Widest4, Widest6 int
	// Protect are prefixes that the list must not touch, beside those of the host: sorted,
	// none within another.
	Protect []netip.Prefix
	// Exclude: what the list must not touch is cut out of it. Without it a list that
	// touches any is refused.
	Exclude bool
	Action  Action // Drop or Count
	// Mode and Asks are as those of a [Rule].
	Mode, Asks Mode
	Labels     map[string]string
}

// A FeedFormat tells how the list of a [Feed] is written.
type FeedFormat uint8

// The formats. All but the last have one entry a line.
const (
	PlainList    FeedFormat = iota // an address or a prefix; # and ; begin comments
	Netset                         // FireHOL's: the same
	SpamhausText                   // drop.txt: the same
	SpamhausJSON                   // drop_v4.json: an object a line, the last with how many there are
	CrowdSec                       // the decision stream of a local API, /v1/decisions/stream
)

var feedFormats = []string{"plain", "netset", "spamhaus-text", "spamhaus-json", "crowdsec-stream"}

// String returns the word of the language for it.
func (f FeedFormat) String() string { return feedFormats[f] }

// MaxFeeds is the most feeds of a policy: an address has a bit for each.
const MaxFeeds = 32

// ID identifies the feed over reloads, as [Rule.ID] does a rule.
func (f *Feed) ID() uint64 {
	hash := fnv.New64a()
	hash.Write([]byte("feed\x00" + f.Name))
	return hash.Sum64()
}

// Source is where the list is.
func (f *Feed) Source() string {
	if f.URL != "" {
		return f.URL
	}
	return f.File
}

// Shown is the source for logs and for everybody's eyes: without what stands behind a
// question mark, which may hold a key.
func (f *Feed) Shown() string {
	shown, _, _ := strings.Cut(f.Source(), "?")
	return shown
}

// Limits of what may be asked for.
const (
	// maxFeedEntries is the most entries of a feed, which take some 14 MB of the kernel, or 35 MB if they are of IPv6.
	maxFeedEntries = 1 << 20
	// leastRefresh is of local lists and decision streams, remoteRefresh of others: most
	// servers change a list a few times a day, and lock out who asks each minute.
	leastRefresh  = 10 * time.Second
	remoteRefresh = 5 * time.Minute
	// spamhausRefresh is what the terms of Spamhaus's lists ask for.
	spamhausRefresh = time.Hour
)

// feedDefaults are those of a format. A decision stream may be empty, is about what
// happened just now, and is only as good as its author's aim.
func feedDefaults(f FeedFormat) Feed {
	feed := Feed{
		Format: f, Refresh: 12 * time.Hour, StaleAfter: 48 * time.Hour,
		MinEntries: 1, MaxEntries: 100_000, Widest4: 8, Widest6: 16, Action: Drop,
	}
	if f == CrowdSec {
		feed.Refresh, feed.StaleAfter, feed.MinEntries, feed.Exclude = 30*time.Second, 10*time.Minute, 0, true
	}
	return feed
}

// Listed is what feeds did to a packet, by their names; "" stands for none.
type Listed struct {
	// By is the feed that dropped the packet, WouldDrop the first audited one that would
	// have, and Kept the first that did not, or would not have, because the packet is kept.
	By, WouldDrop, Kept string
	// Counted are those that counted, in order.
	Counted []string
}

// judgeFeeds judges a packet by its source address, between the failsafe and the policy
// stage, as if each feed were a rule of the latter; it returns whether that ended the
// search.
func (p *Policy) judgeFeeds(pkt *packet.Packet, env *Env, j *Judgement) bool {
	if pkt.Family == 0 { // ARP has addresses too
		return false
	}
	bits, to := env.Feeds(pkt.Source), &j.Listed
	kept := func() bool { return env.Kept != nil && env.Kept(pkt) }
	for i := range p.Feeds {
		f := &p.Feeds[i]
		switch {
		case bits>>i&1 == 0:
		case f.Action == Count:
			to.Counted = append(to.Counted, f.Name)
		case f.Mode == Audit && (j.WouldDrop != None || to.WouldDrop != "" || to.Kept != "" || j.Ban != NotBanned):
		case kept():
			if to.Kept == "" && j.Ban != BanWouldKept {
				to.Kept = f.Name
			}
			if f.Mode == Enforce {
				return true
			}
		case f.Mode == Audit:
			to.WouldDrop = f.Name
		default:
			to.By, j.Verdict = f.Name, verdictOf(f.Action, f.Mode)
			return true
		}
	}
	return false
}
