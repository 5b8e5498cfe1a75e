package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// A Resolver finds the addresses of a name, as [net.Resolver] does. The network is "ip4" or
// "ip6".
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

var _ Resolver = (*net.Resolver)(nil)

// A Family says which addresses are wanted.
type Family uint8

// The families.
const (
	Any  Family = iota // one of each that there is
	IPv4               // of IPv4 only
	IPv6               // of IPv6 only
)

// Addresses are those of a destination, at most one of each family; one that there is not, or
// that is not wanted, is invalid.
type Addresses struct {
	IPv4, IPv6 netip.Addr
}

// ErrNoAddress says that a name has no address of the wanted families.
var ErrNoAddress = errors.New("no address of a host")

// Resolve finds the addresses of a host, which may be one itself. Of several it takes the
// one that it took before, in old, if that is still among them, and the least else, so
// that all who ask take the same.
//
// If the answer for a family is missing, and not just empty, its old address stays, and
// the error tells why: then the result is to be used beside an error. An address that no
// single host can have, such as one of multicast, is none. The error wraps [ErrNoAddress] or
// what the resolver said.
func Resolve(ctx context.Context, r Resolver, host string, wanted Family, old Addresses) (Addresses, error) {
	var found Addresses
	if addr, err := netip.ParseAddr(host); err == nil {
		if found = only(addr, wanted); found == (Addresses{}) {
			return found, fmt.Errorf("resolve %q: %w in the family that is wanted", host, ErrNoAddress)
		}
		return found, nil
	}
	var errs []error
	if wanted != IPv6 {
		addr, err := resolve(ctx, r, "ip4", host, old.IPv4)
		found.IPv4, errs = addr, append(errs, err)
	}
	if wanted != IPv4 {
		addr, err := resolve(ctx, r, "ip6", host, old.IPv6)
		found.IPv6, errs = addr, append(errs, err)
	}
	err := errors.Join(errs...)
	if err == nil && found == (Addresses{}) {
		err = ErrNoAddress
	}
	if err != nil {
		return found, fmt.Errorf("resolve %q: %w", host, err)
	}
	return found, nil
}

// only returns an address if its family is wanted.
func only(addr netip.Addr, wanted Family) Addresses {
	switch {
	case addr.Is4() && wanted != IPv6:
		return Addresses{IPv4: addr}
	case addr.Is6() && wanted != IPv4:
		return Addresses{IPv6: addr}
	}
	return Addresses{}
}

// resolve returns the address of one family, invalid if there is none.
func resolve(ctx context.Context, r Resolver, network, host string, old netip.Addr) (netip.Addr, error) {
	answers, err := r.LookupNetIP(ctx, network, host)
	if empty(err) {
		return netip.Addr{}, nil
	}
	if err != nil {
		return old, err
	}
	var fit []netip.Addr
	for _, addr := range answers {
		addr = addr.Unmap()
		if addr.Is4() == (network == "ip4") && addr.Zone() == "" && probeable(addr) {
			fit = append(fit, addr)
		}
	}
	switch {
	case len(fit) == 0:
		return netip.Addr{}, nil
	case slices.Contains(fit, old):
		return old, nil
	}
	return slices.MinFunc(fit, netip.Addr.Compare), nil
}

// empty reports whether an error says that a name has no address of a family: the DNS says
// so, or it is in /etc/hosts with another family only.
func empty(err error) bool {
	var dns *net.DNSError
	var family *net.AddrError
	return errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &family)
}
