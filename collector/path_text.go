package collector

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
)

// longestName is the most characters of a name in the configuration: those of a name in
// DNS (RFC 1035).
const longestName = 255

// strangersText makes the text of a stranger a label value: valid UTF-8 on one line,
// without control and format characters, of at most [longestText] characters.
func strangersText(s string) string { return cleanText(s, longestText) }

// ownText does the same to what is in the configuration.
func ownText(s string) string { return cleanText(s, longestName) }

func cleanText(s string, most int) string {
	var b strings.Builder
	length := 0
	for _, r := range s {
		switch {
		case r == utf8.RuneError:
			continue
		case unicode.IsSpace(r):
			r = ' '
		case !unicode.IsGraphic(r):
			continue
		}
		if length == 0 && r == ' ' {
			continue
		}
		if length == most {
			break
		}
		b.WriteRune(r)
		length++
	}
	return strings.TrimRight(b.String(), " ")
}

// addressText returns an address as label value, or "". The zone of a link-local one is
// left out: it is the name of a device, of any length.
func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().WithZone("").String()
}

// ttlText returns a TTL with two digits.
func ttlText(ttl uint8) string {
	if ttl < 10 {
		return "0" + strconv.Itoa(int(ttl))
	}
	return strconv.Itoa(int(ttl))
}

// asnText returns the number of an AS, such as "AS64500", or "".
func asnText(asn uint32) string {
	if asn == 0 {
		return ""
	}
	return "AS" + strconv.FormatUint(uint64(asn), 10)
}

// A position is where something is on a map. It is all empty if that is unknown.
type position struct{ latitude, longitude, geohash string }

// geohashLength makes cells of about 150 m, as much as the coordinates tell.
const geohashLength = 7

// positionOf returns the position that databases know. Coordinates have 3 decimals, 110
// m, so that a new edition of a database does not move all that it knows a little. At 0, 0 is the
// sea: there are those of whom a database knows nothing.
func positionOf(p geo.Place) position {
	at, ok := p.Point()
	if !ok || !at.Valid() {
		return position{}
	}
	at = geo.Point{Latitude: round(at.Latitude), Longitude: round(at.Longitude)}
	if at == (geo.Point{}) {
		return position{}
	}
	return position{degrees(at.Latitude), degrees(at.Longitude), geo.Geohash(at, geohashLength)}
}

// round rounds to 3 decimals; what is added makes 0 of -0.
func round(degrees float64) float64 { return math.Round(degrees*1000)/1000 + 0 }

func degrees(d float64) string { return strconv.FormatFloat(d, 'f', -1, 64) }

// A hopInfo is what is told of a hop.
type hopInfo struct {
	name, asn, asName, country, city string
	position
	kind, anycast, mpls string
}

func infoOf(h *locator.Hop) hopInfo {
	e := &h.Entry
	name := strangersText(h.Name)
	if name == "" {
		name = strangersText(e.Label)
	}
	info := hopInfo{
		name: name, asn: asnText(e.ASN), asName: strangersText(e.Name),
		country: strangersText(e.Country), city: strangersText(e.City), position: positionOf(e.Place), kind: e.Kind.String(),
	}
	info.anycast = strconv.FormatBool(e.Anycast)
	var labels []string
	for _, l := range h.Labels {
		labels = append(labels, strconv.FormatUint(uint64(l.Value), 10))
	}
	info.mpls = strangersText(strings.Join(labels, "/"))
	return info
}

// values returns the label values in the order of metric.LocatorHopInfo, behind those
// that tell the hop.
func (i hopInfo) values() []string {
	return []string{i.name, i.asn, i.asName, i.country, i.city, i.latitude, i.longitude, i.geohash, i.kind, i.anycast, i.mpls}
}
