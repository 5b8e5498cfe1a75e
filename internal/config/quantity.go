package config

import (
	"time"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"
)

// duration returns a time from least to most in Prometheus' notation, such as "1m30s";
// in case of a fault, 0.
func (d *decoder) duration(n *yaml.Node, least, most time.Duration) time.Duration {
	show := func(d time.Duration) string { return model.Duration(d).String() }
	value, err := model.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || err != nil {
		d.fault(n, "units are ms, s, m, h and d", "want a time from %s to %s, not %s", show(least), show(most), describe(n))
		return 0
	}
	if time.Duration(value) < least || time.Duration(value) > most {
		d.fault(n, "", "%s is out of range: want a time from %s to %s", n.Value, show(least), show(most))
		return 0
	}
	return time.Duration(value)
}
