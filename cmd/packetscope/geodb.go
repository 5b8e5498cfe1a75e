package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/geo"
)

// addGeodb adds the verbs about the files that tell where addresses are. They need no
// privilege and speak to nobody.
func addGeodb(app *kingpin.Application) map[string]verb {
	geodb := app.Command("geodb", "Databases of addresses: make one, ask them, and see what they hold.")
	return map[string]verb{
		"geodb build":  addGeodbBuild(geodb),
		"geodb lookup": addGeodbLookup(geodb),
		"geodb info":   addGeodbInfo(geodb),
	}
}

// failWith writes the faults of files, which begin with the place where editors look for
// it, and returns what ends the program with status 1. Without faults it returns nil.
func failWith(w io.Writer, faults error) error {
	if faults == nil {
		return nil
	}
	fmt.Fprintln(w, faults)
	return &exitError{status: 1}
}

// loadAtlas opens files all of which must be good: an answer without one of them would
// look like that of all.
func loadAtlas(e env, databases, overrides []string) (*geo.Atlas, error) {
	atlas := geo.Open(geo.Config{Databases: databases, Overrides: overrides, Now: e.now})
	if err := atlas.Err(); err != nil {
		return nil, failWith(e.stderr, err)
	}
	return atlas, nil
}

// geoAge returns "of 2026-03-01, 5 days old".
func geoAge(built, now time.Time) string {
	return fmt.Sprintf("of %s, %s old", built.UTC().Format(time.DateOnly), days(now.Sub(built)))
}

// days returns whole days, such as "5 days".
func days(d time.Duration) string { return counted(int(d.Hours()/24), "day") }

// contentWords returns "countries, coordinates".
func contentWords(c geo.Contents) []string {
	words := []string{}
	for _, one := range []struct {
		there bool
		word  string
	}{{c.Country, "countries"}, {c.City, "cities"}, {c.Coordinates, "coordinates"}, {c.ASN, "AS numbers"}} {
		if one.there {
			words = append(words, one.word)
		}
	}
	return words
}

// damages returns a fault for each database that could not be read to its end while it
// was asked.
func damages(statuses []geo.Status) error {
	var all []error
	for _, s := range statuses {
		if s.Damaged > 0 {
			all = append(all, fmt.Errorf("%s: damaged: %s failed (fetch it again)", s.Path, counted(int(s.Damaged), "look-up")))
		}
	}
	return errors.Join(all...)
}
