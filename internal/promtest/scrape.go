package promtest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// AcceptProtobuf is how a server asks that ingests native histograms.
const AcceptProtobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

// AcceptText is how a server asks that does not; it gets classic histograms alone.
const AcceptText = "text/plain;version=0.0.4"

// ScrapeURL fetches an exposition as a server does that ingests native histograms,
// and adds it with the time of the fetch. As on a server, a target that does not
// answer has up 0, which is not an error.
func (db *DB) ScrapeURL(url string, target labels.Labels) error {
	return db.ScrapeURLAs(AcceptProtobuf, url, target)
}

// ScrapeURLAs is [DB.ScrapeURL] with an Accept header.
func (db *DB) ScrapeURLAs(accept, url string, target labels.Labels) error {
	begin := time.Now()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", accept)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return db.report(begin, target, "up", 0)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return db.report(begin, target, "up", 0)
	}
	took := time.Since(begin)
	if err := db.Scrape(begin, body, answer.Header.Get("Content-Type"), target); err != nil {
		return err
	}
	return db.report(begin, target, "scrape_duration_seconds", took.Seconds())
}

// Scrape adds an exposition as scraped at a time from a target whose labels, such
// as job and instance, each series gets. Both forms of a histogram are kept. What
// a server says about the scrape (up, scrape_samples_scraped) is added.
func (db *DB) Scrape(at time.Time, exposition []byte, contentType string, target labels.Labels) error {
	p, err := textparse.New(exposition, contentType, labels.NewSymbolTable(),
		textparse.ParserOptions{KeepClassicOnClassicAndNativeHistograms: true})
	if err != nil {
		return err
	}
	ms, samples := at.UnixMilli(), 0
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return errors.Join(db.report(at, target, "up", 1), db.report(at, target, "scrape_samples_scraped", float64(samples)))
		}
		if err != nil {
			return fmt.Errorf("parse exposition: %w", err)
		}
		var l labels.Labels
		switch entry {
		case textparse.EntrySeries:
			_, _, value := p.Series()
			p.Labels(&l)
			err = db.Add(withTarget(l, target), ms, value)
		case textparse.EntryHistogram:
			_, _, whole, floats := p.Histogram()
			if whole != nil {
				floats = whole.ToFloat(nil)
			}
			p.Labels(&l)
			err = db.AddHistogram(withTarget(l, target), ms, floats.Copy())
		}
		if err != nil {
			return err
		}
		if entry == textparse.EntrySeries || entry == textparse.EntryHistogram {
			samples++
		}
	}
}

// report adds what a server says about a scrape.
func (db *DB) report(at time.Time, target labels.Labels, name string, value float64) error {
	return db.Add(withTarget(labels.FromStrings(model.MetricNameLabel, name), target), at.UnixMilli(), value)
}

// withTarget adds the labels of the target. One that the target exposes itself
// is kept as exported_<name>, as a server does without honor_labels.
func withTarget(l, target labels.Labels) labels.Labels {
	b := labels.NewBuilder(l)
	target.Range(func(t labels.Label) {
		if exposed := l.Get(t.Name); exposed != "" {
			b.Set("exported_"+t.Name, exposed)
		}
		b.Set(t.Name, t.Value)
	})
	return b.Labels()
}
