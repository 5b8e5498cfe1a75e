package geo

// MaxGeohash is the most characters of a geohash that mean anything: 12 are 4 cm.
const MaxGeohash = 12

// Geohash returns the name of the cell of a point, as Grafana's geomap and others read
// it (Niemeyer 2008; 5 characters are a cell of 4.9 km by 4.9 km at the equator). It is
// "" for what is no point; the length is bounded by 1 and [MaxGeohash].
func Geohash(p Point, length int) string {
	const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"
	if !p.Valid() {
		return ""
	}
	lat, lon := [2]float64{-90, 90}, [2]float64{-180, 180}
	hash := make([]byte, min(max(length, 1), MaxGeohash))
	turn := 0 // longitude first
	for i := range hash {
		index := 0
		for range 5 {
			if turn++; turn%2 == 1 {
				index = index<<1 | halve(&lon, p.Longitude)
			} else {
				index = index<<1 | halve(&lat, p.Latitude)
			}
		}
		hash[i] = alphabet[index]
	}
	return string(hash)
}

// halve keeps the half of a range that holds v, and returns 1 for the upper one.
func halve(r *[2]float64, v float64) int {
	middle := (r[0] + r[1]) / 2
	if v >= middle {
		r[0] = middle
		return 1
	}
	r[1] = middle
	return 0
}
