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

// ScrapeURL fetches an exposition and adds it, with the time of the fetch. As
// on a server, a target that does not answer has up 0, which is not an error.
func (db *DB) ScrapeURL(url string, target labels.Labels) error {
	begin := time.Now()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", AcceptProtobuf)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return db.up(begin, target, 0)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return db.up(begin, target, 0)
	}
	return db.Scrape(begin, body, answer.Header.Get("Content-Type"), target)
}

// Scrape adds an exposition as scraped at a time from a target whose labels, such
// as job and instance, each series gets. Both forms of a histogram are kept.
func (db *DB) Scrape(at time.Time, exposition []byte, contentType string, target labels.Labels) error {
	p, err := textparse.New(exposition, contentType, labels.NewSymbolTable(),
		textparse.ParserOptions{KeepClassicOnClassicAndNativeHistograms: true})
	if err != nil {
		return err
	}
	ms := at.UnixMilli()
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return db.up(at, target, 1)
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
	}
}

func (db *DB) up(at time.Time, target labels.Labels, value float64) error {
	return db.Add(withTarget(labels.FromStrings(model.MetricNameLabel, "up"), target), at.UnixMilli(), value)
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
