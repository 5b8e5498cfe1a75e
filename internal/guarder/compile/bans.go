package compile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// The maps of bans, which outlive generations.
const (
	MapBans        = "guard_bans"
	MapBanFilter   = "guard_ban_filter"
	MapBanCounts   = "guard_ban_counts"
	MapBanRates    = "guard_ban_rates"
	MapBanRequests = "guard_ban_requests"
)

// BanMaps are the names of all of them.
var BanMaps = []string{MapBans, MapBanFilter, MapBanCounts, MapBanRates, MapBanRequests}

// Bans are those in the kernel, in maps that outlive generations.
type Bans struct {
	bans, filter *ebpf.Map
	// rows are those that are in the kernel, as they were written.
	rows map[netip.Prefix]ban.Row
}

// OpenBans reads the bans that are in the kernel.
func OpenBans(state map[string]*ebpf.Map) (*Bans, error) {
	b := &Bans{bans: state[MapBans], filter: state[MapBanFilter], rows: make(map[netip.Prefix]ban.Row)}
	err := b.each(func(p netip.Prefix, v bpf.GuardBan) {
		b.rows[p] = ban.Row{Prefix: p, Until: time.Duration(v.Until), Audited: time.Duration(v.Audited), Renew: time.Duration(v.Renew), Class: int(v.Origin) % len(ban.Classes)}
	})
	return b, err
}

func (b *Bans) each(f func(netip.Prefix, bpf.GuardBan)) error {
	var key bpf.GuardBanPrefix
	var value bpf.GuardBan
	all := b.bans.Iterate()
	for all.Next(&key, &value) {
		f(banPrefix(key), value)
	}
	if err := all.Err(); err != nil {
		return fmt.Errorf("read bans: %w", err)
	}
	return nil
}

// Rows returns those that are in the kernel, in no order.
func (b *Bans) Rows() []ban.Row {
	all := make([]ban.Row, 0, len(b.rows))
	for _, r := range b.rows {
		all = append(all, r)
	}
	return all
}

// Last returns when a packet of each of those prefixes was last dropped whose ban is
// renewed by that.
func (b *Bans) Last() (map[netip.Prefix]time.Duration, error) {
	last := make(map[netip.Prefix]time.Duration)
	for p, r := range b.rows {
		if r.Renew == 0 {
			continue
		}
		var v bpf.GuardBan
		if err := b.bans.Lookup(banKey(p), &v); err != nil {
			return nil, fmt.Errorf("read the ban of %v: %w", p, err)
		}
		if v.Last != 0 {
			last[p] = time.Duration(v.Last)
		}
	}
	return last, nil
}

// Set makes the rows those in the kernel. If it fails, some of them are.
func (b *Bans) Set(rows []ban.Row) error {
	wanted := make(map[netip.Prefix]bool, len(rows))
	filter := make([]uint64, 2*bpf.GuardBanNear/64)
	for _, r := range rows {
		wanted[r.Prefix] = true
		setBanNear(filter, r.Prefix)
	}
	for p := range b.rows {
		if wanted[p] {
			continue
		}
		if err := b.bans.Delete(banKey(p)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("end the ban of %v: %w", p, err)
		}
		delete(b.rows, p)
	}
	for _, r := range rows {
		if b.rows[r.Prefix] == r {
			continue
		}
		if err := b.put(r); err != nil {
			return err
		}
	}
	if err := b.filter.Put(uint32(0), bytesOf(filter)); err != nil {
		return fmt.Errorf("fill %q: %w", MapBanFilter, err)
	}
	return nil
}

// put writes a row. The program may have put its end off since it was read last.
func (b *Bans) put(r ban.Row) error {
	key := banKey(r.Prefix)
	value := bpf.GuardBan{Until: uint64(r.Until), Audited: uint64(r.Audited), Renew: uint64(r.Renew), Origin: uint32(r.Class)}
	if was, known := b.rows[r.Prefix]; known && was.Renew != 0 && r.Renew != 0 {
		var v bpf.GuardBan
		if err := b.bans.Lookup(key, &v); err == nil {
			value.Last = v.Last
		}
	}
	if err := b.bans.Put(key, value); err != nil {
		return fmt.Errorf("ban %v: %w", r.Prefix, err)
	}
	b.rows[r.Prefix] = r
	return nil
}

func banKey(p netip.Prefix) bpf.GuardBanPrefix {
	return bpf.GuardBanPrefix{Bits: 32 + uint32(p.Bits()), Of: bpf.GuardBanAddress{Family: familyOf(p.Addr()), Address: wordsOf(p.Addr())}}
}

func banPrefix(key bpf.GuardBanPrefix) netip.Prefix {
	return netip.PrefixFrom(banAddress(key.Of), int(key.Bits)-32).Masked()
}

// banAddress returns the address of a key.
func banAddress(a bpf.GuardBanAddress) netip.Addr {
	var b [16]byte
	for i, word := range a.Address {
		binary.NativeEndian.PutUint32(b[4*i:], word)
	}
	if a.Family == 4 {
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	return netip.AddrFrom16(b)
}

// Where the bit of an address stands in the filter: see guard_ban_near of the program.
const (
	banNearBits  = 16
	banNearSkip6 = 12
)

// setBanNear sets the bits of all addresses of a prefix.
func setBanNear(filter []uint64, p netip.Prefix) {
	b := p.Addr().AsSlice()
	high, skip, half := binary.BigEndian.Uint32(b), 0, 0
	if p.Addr().Is6() {
		skip, half = banNearSkip6, bpf.GuardBanNear
	}
	first, n := int(high>>(32-banNearBits-skip)&(1<<banNearBits-1)), 1
	if decided := max(p.Bits()-skip, 0); decided < banNearBits {
		n = 1 << (banNearBits - decided)
		first &^= n - 1
	}
	for at := half + first; at < half+first+n; at++ {
		filter[at/64] |= 1 << (at % 64)
	}
}

// A BanRequest is what the program says of a source that a rule wants banned.
type BanRequest struct {
	Source netip.Addr
	// Slot is the rule's entry of the map of counts.
	Slot uint32
	// At is a time of CLOCK_BOOTTIME.
	At time.Duration
	// Audit tells that the rule is only audited.
	Audit bool
}

// ReadBanRequest reads a record of the ring buffer.
func ReadBanRequest(record []byte) (BanRequest, error) {
	var r bpf.GuardBanRequest
	if _, err := binary.Decode(record, binary.NativeEndian, &r); err != nil {
		return BanRequest{}, fmt.Errorf("read who is to be banned: %w", err)
	}
	return BanRequest{banAddress(r.Of), r.Slot, time.Duration(r.Time), Credit(r.Credit) == CreditWouldDrop}, nil
}

// bannings returns the table guard_bannings.
func (t *Tables) bannings(bans policy.Mode) []bpf.GuardBanning {
	if t.Bannings == nil || bans == policy.Off {
		return make([]bpf.GuardBanning, 1)
	}
	all := make([]bpf.GuardBanning, len(t.Credits))
	for r, b := range t.Bannings {
		if b != nil {
			all[r] = banningOf(b)
		}
	}
	return padded(all)
}

// banningOf lets be as many packets at once as the rate says for its unit of time.
func banningOf(b *policy.Banning) bpf.GuardBanning {
	interval, tolerance := b.Pace()
	return bpf.GuardBanning{Bits4: uint32(b.Bits4), Bits6: uint32(b.Bits6), Interval: uint64(interval), Burst: uint64(tolerance)}
}

// bans notes which rules ask for bans.
func (c *compiler) bans() {
	for i := range c.policy.Rules {
		if b := c.policy.Rules[i].Ban; b != nil {
			if c.t.Bannings == nil {
				c.t.Bannings = make([]*policy.Banning, len(c.policy.Rules))
			}
			c.t.Bannings[i] = b
		}
	}
}

func familyOf(a netip.Addr) uint32 {
	if a.Is4() {
		return 4
	}
	return 6
}
