package guarder

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/durable"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// Bindings are the MAC addresses that were learnt for sets with "learn": the first that
// the kernel had confirmed for an address. A binding is locked: it stays, over restarts
// too, until somebody unlocks it or the policy names a MAC address itself, whatever the
// neighbour table says. They are kept in a file as [Memory] is.
type Bindings struct {
	path string // "" remembers nothing over a restart
	all  []*binding
	// unwritten tells that the disk has not all of it, as it was full for instance.
	unwritten bool
	// not are MAC addresses that were unlocked a moment ago, see Unlock.
	not []unlocked
	// waiting are the addresses, by set, that nothing was learnt for yet.
	waiting map[string][]netip.Addr
	// changes counts, by set, how often the neighbour table got another MAC address for
	// an address that is bound.
	changes map[string]uint64
}

// binding is one of the file. Fields may be added.
type binding struct {
	Set    string     `json:"set"`
	IP     netip.Addr `json:"ip"`
	Device string     `json:"device"`
	MAC    MAC        `json:"mac"`
	Since  time.Time  `json:"since"`

	// other is what the neighbour table has instead, since otherSince; zero if nothing.
	other      MAC
	otherSince time.Time
	told       time.Time // when it was last logged
}

type unlocked struct {
	set   string
	ip    netip.Addr
	mac   MAC
	until time.Time
}

// A MAC is a hardware address of Ethernet.
type MAC [6]byte

// String returns it as 02:00:00:00:00:01.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// MarshalText implements [encoding.TextMarshaler].
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (m *MAC) UnmarshalText(text []byte) error {
	mac, err := net.ParseMAC(string(text))
	if err != nil || len(mac) != len(m) {
		return fmt.Errorf("%q is no MAC address", text)
	}
	copy(m[:], mac)
	return nil
}

// A Neighbour is what the neighbour table says of an address on a device.
type Neighbour struct {
	IP     netip.Addr
	Device string
	MAC    MAC
	// Confirmed tells that it is more than what some packet claimed.
	Confirmed bool
}

const (
	bindingFile = "bindings.json" // in the folder that an agent is given
	// maxBindings is how many there are at most: as many are written at a time.
	maxBindings = 1024
	// relearnPause is how long an address that was unlocked does not get the MAC address
	// that it had: the kernel believes that one for half a minute after its last answer.
	relearnPause = time.Minute
)

// OpenBindings reads what was learnt before, from a folder that exists; "" is none. A file
// that cannot be read is an error: to forget what was locked is not for us to decide.
func OpenBindings(folder string) (*Bindings, error) {
	b := &Bindings{waiting: make(map[string][]netip.Addr), changes: make(map[string]uint64)}
	if folder == "" {
		return b, nil
	}
	b.path = filepath.Join(folder, bindingFile)
	text, err := os.ReadFile(b.path)
	if errors.Is(err, os.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was learnt: %w", err)
	}
	if err := json.Unmarshal(text, &b.all); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it, and MAC addresses are learnt anew", b.path, err)
	}
	return b, nil
}

// Learned returns what was learnt, for [policy.Policy.With].
func (b *Bindings) Learned() policy.Learned {
	learned := policy.Learned{}
	for _, l := range b.all {
		if learned[l.Set] == nil {
			learned[l.Set] = make(map[netip.Addr][][6]byte)
		}
		macs := append(learned[l.Set][l.IP], l.MAC)
		slices.SortFunc(macs, func(x, y [6]byte) int { return slices.Compare(x[:], y[:]) })
		learned[l.Set][l.IP] = slices.Compact(macs)
	}
	return learned
}

// A seen is something that came to light about a binding.
type seen struct {
	*binding
	what string // "learnt", "changed", "back" or "full"
}

// See learns what is to be learnt from the neighbour table, or a part of it, and compares
// the rest with what was; whole tells that it is all of the table. It returns what is new, and whether bindings changed
// that are not written yet. An address may have a MAC address on each device.
func (b *Bindings) See(p *policy.Policy, gateways []netip.Addr, neighbours []Neighbour, whole bool, now time.Time) (news []seen, changed bool) {
	b.not = slices.DeleteFunc(b.not, func(u unlocked) bool { return !u.until.After(now) })
	for name, set := range p.Bindings {
		if !set.Learn {
			continue
		}
		changed = b.pin(set) || changed
		wanted := wantedOf(set, gateways)
		for _, n := range neighbours {
			if n.MAC == (MAC{}) || len(set.MACs[n.IP]) > 0 {
				continue
			}
			switch l := b.find(name, n.IP, n.Device); {
			case l != nil:
				if what := l.compare(n, now); what != "" {
					if what == "changed" {
						b.changes[name]++
					}
					news = append(news, seen{l, what})
				}
			case n.Confirmed && slices.Contains(wanted, n.IP) && !b.excluded(name, n):
				if len(b.all) >= maxBindings {
					news = append(news, seen{&binding{Set: name, IP: n.IP, Device: n.Device, MAC: n.MAC}, "full"})
					continue
				}
				l := &binding{Set: name, IP: n.IP, Device: n.Device, MAC: n.MAC, Since: now.UTC().Truncate(time.Second)}
				b.all, changed = append(b.all, l), true
				news = append(news, seen{l, "learnt"})
			}
		}
		if whole {
			b.forgetOthers(name, neighbours)
		}
		b.waiting[name] = slices.DeleteFunc(wanted, func(ip netip.Addr) bool {
			return slices.ContainsFunc(b.all, func(l *binding) bool { return l.Set == name && l.IP == ip })
		})
	}
	b.unwritten = b.unwritten || changed
	return news, b.unwritten
}

// forgetOthers takes note of other MAC addresses that the table has not any more.
func (b *Bindings) forgetOthers(set string, neighbours []Neighbour) {
	for _, l := range b.all {
		if l.Set == set && !slices.ContainsFunc(neighbours, func(n Neighbour) bool { return n.IP == l.IP && n.Device == l.Device && n.MAC == l.other }) {
			l.other, l.otherSince = MAC{}, time.Time{}
		}
	}
}

// wantedOf returns the addresses whose MAC address a set learns.
func wantedOf(set *policy.BindingSet, gateways []netip.Addr) []netip.Addr {
	wanted := slices.DeleteFunc(slices.Concat(set.Open, gateways), func(ip netip.Addr) bool { return len(set.MACs[ip]) > 0 })
	slices.SortFunc(wanted, netip.Addr.Compare)
	return slices.Compact(wanted)
}

// pin forgets what was learnt for addresses that the policy names a MAC address for.
func (b *Bindings) pin(set *policy.BindingSet) bool {
	before := len(b.all)
	b.all = slices.DeleteFunc(b.all, func(l *binding) bool { return l.Set == set.Name && len(set.MACs[l.IP]) > 0 })
	return len(b.all) < before
}

func (b *Bindings) find(set string, ip netip.Addr, device string) *binding {
	for _, l := range b.all {
		if l.Set == set && l.IP == ip && l.Device == device {
			return l
		}
	}
	return nil
}

// compare takes note of what the neighbour table says now of an address that is bound.
func (l *binding) compare(n Neighbour, now time.Time) string {
	switch {
	case n.MAC == l.MAC && l.other == (MAC{}), n.MAC == l.other:
		return ""
	case n.MAC == l.MAC:
		l.other, l.otherSince = MAC{}, time.Time{}
		return "back"
	}
	l.other, l.otherSince = n.MAC, now
	return "changed"
}

// tells reports whether the log is to say something of a binding: once a minute at most, as
// whoever lies on the link can have it change at will.
func (l *binding) tells(now time.Time) bool {
	if now.Sub(l.told) < relearnPause {
		return false
	}
	l.told = now
	return true
}

func (b *Bindings) excluded(set string, n Neighbour) bool {
	return slices.ContainsFunc(b.not, func(u unlocked) bool { return u.set == set && u.ip == n.IP && u.mac == n.MAC })
}

// ErrNotBound is returned for an address that nothing was learnt for.
var ErrNotBound = errors.New("no MAC address was learnt for it")

// Unlock forgets what was learnt for an address, in one set or, if that is "", in all. The
// next MAC address that is confirmed is learnt; the one that was unlocked not for a
// minute, as the kernel may still believe it.
func (b *Bindings) Unlock(set string, ip netip.Addr, now time.Time) error {
	before := len(b.all)
	b.all = slices.DeleteFunc(b.all, func(l *binding) bool {
		is := l.IP == ip && (set == "" || l.Set == set)
		if is {
			b.not = append(b.not, unlocked{l.Set, l.IP, l.MAC, now.Add(relearnPause)})
		}
		return is
	})
	if len(b.all) == before {
		return fmt.Errorf("%v: %w", ip, ErrNotBound)
	}
	b.unwritten = true
	return nil
}

// Write keeps the bindings, on disk before it returns.
func (b *Bindings) Write() error {
	if b.path == "" {
		b.unwritten = false
		return nil
	}
	text, err := json.MarshalIndent(b.all, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(b.path, append(text, '\n')); err != nil {
		return fmt.Errorf("remember what was learnt: %w", err)
	}
	b.unwritten = false
	return nil
}

// Status tells of the sets of a policy that learn, by name.
func (b *Bindings) Status(p *policy.Policy) []LearningStatus {
	var all []LearningStatus
	for name, set := range p.Bindings {
		if !set.Learn {
			continue
		}
		s := LearningStatus{Set: name, Waiting: b.waiting[name], Changes: b.changes[name]}
		for _, l := range b.all {
			if l.Set != name {
				continue
			}
			told := BindingStatus{IP: l.IP, Device: l.Device, MAC: l.MAC, Since: l.Since}
			if l.other != (MAC{}) {
				other, since := l.other, l.otherSince
				told.Other, told.OtherSince = &other, &since
			}
			s.Bound = append(s.Bound, told)
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b LearningStatus) int { return strings.Compare(a.Set, b.Set) })
	return all
}

func (b *Bindings) has(set string, ip netip.Addr) bool {
	return slices.ContainsFunc(b.all, func(l *binding) bool { return l.Set == set && l.IP == ip })
}
