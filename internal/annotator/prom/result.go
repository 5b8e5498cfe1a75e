package prom

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
)

// An envelope is around each answer of the API:
// https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview
type envelope struct {
	Status    string   `json:"status"`
	ErrorType string   `json:"errorType"`
	Error     string   `json:"error"`
	Warnings  []string `json:"warnings"`
	Data      data     `json:"data"`
}

// mostSaid is the length of what is repeated of a server's error, in bytes.
const mostSaid = 300

// said returns the error that the server tells, in one line.
func (e envelope) said() string {
	text := e.Error
	if len(text) > mostSaid {
		text = text[:mostSaid] + "..."
	}
	return fmt.Sprintf("%q: %q", e.ErrorType, text)
}

type data struct {
	ResultType string          `json:"resultType"`
	Result     json.RawMessage `json:"result"`
}

// A point is a time, which is that of the query, and a number as text.
type point [2]any

func (p point) number() (float64, error) {
	text, ok := p[1].(string)
	if !ok {
		return 0, errors.New("a value that is no text")
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("a value that is no number")
	}
	return value, nil
}

func (d data) samples() ([]evidence.Sample, error) {
	switch d.ResultType {
	case "vector":
		return d.vector()
	case "scalar":
		var p point
		if err := json.Unmarshal(d.Result, &p); err != nil {
			return nil, errors.New("a scalar that is none")
		}
		value, err := p.number()
		if err != nil {
			return nil, err
		}
		return []evidence.Sample{{Value: value}}, nil
	}
	return nil, fmt.Errorf("a result of type %.20q, where a vector or scalar is wanted", d.ResultType)
}

func (d data) vector() ([]evidence.Sample, error) {
	var series []struct {
		Metric map[string]string `json:"metric"`
		Value  *point            `json:"value"`
	}
	// A result of null is an answer cut short, not that there is nothing.
	if err := json.Unmarshal(d.Result, &series); err != nil || series == nil {
		return nil, errors.New("a vector that is none")
	}
	samples := make([]evidence.Sample, 0, len(series))
	for _, s := range series {
		if s.Value == nil {
			return nil, errors.New("a native histogram, where a number is wanted: ask for a quantile, count or sum of it")
		}
		value, err := s.Value.number()
		if err != nil {
			return nil, err
		}
		samples = append(samples, evidence.Sample{Labels: s.Metric, Value: value})
	}
	return samples, nil
}
