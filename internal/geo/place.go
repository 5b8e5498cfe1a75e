package geo

// A Place says where an address is. Its zero value says nothing.
type Place struct {
	// Country is the code of two capital letters (ISO 3166-1), or "".
	Country string
	// Registered says that Country is where the address is registered, which is not
	// always where it is used. A registered country is no evidence of a route.
	Registered bool
	// CountryName and City are in English, or "".
	CountryName, City string
	// Latitude and Longitude are degrees, rounded to 4 decimals (11 m); both are nil
	// where they are not known, never one alone. What they point to is shared by all
	// who looked it up and must not be changed.
	Latitude, Longitude *float64
	// Radius is the accuracy in km as the database claims it; 0 is unknown.
	Radius float64
	// Anycast says that many places answer for the address, so that it has none.
	Anycast bool
}

// Point returns the coordinates, and whether there are any.
func (p Place) Point() (Point, bool) {
	if p.Latitude == nil || p.Longitude == nil {
		return Point{}, false
	}
	return Point{*p.Latitude, *p.Longitude}, true
}

// setPoint makes p lie at a point.
func (p *Place) setPoint(at Point) {
	p.Latitude, p.Longitude = &at.Latitude, &at.Longitude
}
