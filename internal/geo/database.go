package geo

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/oschwald/maxminddb-golang/v2"
)

const (
	// maxDatabase is the most bytes of a database; the largest that are sold have about
	// 1 GB. Whatever is larger is something else.
	maxDatabase = 2 << 30
	// sample is how many records are read of a database before it is believed.
	sample = 4096
	// cached is how many records are kept decoded. Most addresses of a host's traffic
	// share few records.
	cached = 4096
)

// Contents say what a database tells of at least one of the addresses that were tried
// when it was loaded: the first few thousand networks.
type Contents struct {
	Country, City, Coordinates, ASN bool
}

// A database is a file of MaxMind's format in memory. It is never changed: a newer one
// takes its place.
type database struct {
	reader   *maxminddb.Reader
	contents Contents

	mu    sync.RWMutex
	cache map[uintptr]record // by the place of the record in the file
}

// parseDatabase checks a database and returns it.
func parseDatabase(path string, data []byte) (*database, facts, error) {
	reader, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, facts{}, fmt.Errorf("%s: not a whole database of MaxMind's format, or cut off: %w", path, err)
	}
	db := &database{reader: reader, cache: map[uintptr]record{}}
	tried, err := db.try()
	if err != nil {
		return nil, facts{}, fmt.Errorf("%s: database of type %q is damaged: %w", path, reader.Metadata.DatabaseType, err)
	}
	if db.contents == (Contents{}) {
		return nil, facts{}, fmt.Errorf("%s: database of type %q tells neither countries nor coordinates nor AS numbers "+
			"in the first %d records (give one of cities, countries or AS numbers)", path, reader.Metadata.DatabaseType, tried)
	}
	return db, facts{
		kind:     clean(reader.Metadata.DatabaseType),
		built:    reader.Metadata.BuildTime(),
		entries:  int(reader.Metadata.NodeCount),
		contents: db.contents,
	}, nil
}

// try decodes the first records.
func (db *database) try() (tried int, err error) {
	for result := range db.reader.Networks(maxminddb.SkipEmptyValues()) {
		if tried == sample {
			break
		}
		tried++
		var r raw
		if err := result.Decode(&r); err != nil {
			return tried, err
		}
		known := r.judge()
		_, located := known.Point()
		db.contents.Country = db.contents.Country || known.Country != ""
		db.contents.City = db.contents.City || known.City != ""
		db.contents.Coordinates = db.contents.Coordinates || located
		db.contents.ASN = db.contents.ASN || known.ASN != 0
	}
	return tried, nil
}

var errNoRecord = errors.New("no record")

// lookup returns the record of an address, errNoRecord, or what is wrong with the file.
func (db *database) lookup(addr netip.Addr) (record, error) {
	if addr.Is6() && db.reader.Metadata.IPVersion == 4 {
		return record{}, errNoRecord
	}
	result := db.reader.Lookup(addr)
	if err := result.Err(); err != nil {
		return record{}, err
	}
	if !result.Found() {
		return record{}, errNoRecord
	}
	offset := result.Offset()
	db.mu.RLock()
	known, ok := db.cache[offset]
	db.mu.RUnlock()
	if ok {
		return known, nil
	}
	var r raw
	if err := result.Decode(&r); err != nil {
		return record{}, err
	}
	known = r.judge()
	db.mu.Lock()
	defer db.mu.Unlock()
	if len(db.cache) >= cached {
		clear(db.cache)
	}
	db.cache[offset] = known
	return known, nil
}
