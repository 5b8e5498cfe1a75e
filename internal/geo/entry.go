package geo

// A Network says whose an address is. Its zero value says nothing.
type Network struct {
	// ASN is the number of the autonomous system that announces the address; 0 is
	// unknown.
	ASN uint32
	// Holder says that ASN is that of the holder of the addresses by the registry,
	// who need not be the one that announces them.
	Holder bool
	// Name is the name of the AS, Domain that of its owner; they may be "". Both are
	// text of strangers, without control characters and of bounded length.
	Name, Domain string
}

// An Entry is all that is known of an address.
type Entry struct {
	Kind Kind
	// Label is the name of the network in the override file, or "".
	Label string
	Place
	Network
	// PlaceSource and NetworkSource are the names of the files that told the country
	// (or the coordinates, without a country) and the AS, or "".
	PlaceSource, NetworkSource string
}

// add takes from a database what e does not know yet and what does not contradict it.
func (e *Entry) add(r record, source string) {
	e.addPlace(r.Place, source)
	e.addNetwork(r.Network, source)
}

func (e *Entry) addPlace(p Place, source string) {
	at, located := p.Point()
	if p.Country == "" && !located && !p.Anycast {
		return
	}
	_, known := e.Point()
	switch {
	case e.Country == "" && !known, e.Registered && !p.Registered && p.Country != "" && p.Country != e.Country:
		p.Anycast = e.Anycast || p.Anycast
		p.City = first(e.City, p.City)
		e.Place, e.PlaceSource = p, source
		return
	case e.Country != "" && p.Country != e.Country:
		return // another opinion: neither its city nor its coordinates fit
	case e.Registered && !p.Registered && p.Country != "":
		e.Registered = false // that it is used there was told by the other one
	}
	e.Anycast = e.Anycast || p.Anycast
	if e.Country == "" {
		e.Country, e.Registered = p.Country, p.Registered
	}
	if e.CountryName == "" {
		e.CountryName = p.CountryName
	}
	if !known && located {
		e.setPoint(at)
		e.City, e.Radius = first(e.City, p.City), p.Radius
	}
	if !known {
		e.City = first(e.City, p.City)
	}
}

func (e *Entry) addNetwork(n Network, source string) {
	switch {
	case n.ASN == 0:
		return
	case e.ASN == 0 || e.Holder && !n.Holder && n.ASN != e.ASN:
		e.Network, e.NetworkSource = n, source
		return
	case n.ASN != e.ASN:
		return
	}
	e.Holder = e.Holder && n.Holder
	if e.Name == "" {
		e.Name = n.Name
	}
	if e.Domain == "" {
		e.Domain = n.Domain
	}
}
