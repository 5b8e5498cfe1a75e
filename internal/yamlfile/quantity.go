package yamlfile

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"
)

// Duration returns a time from least to most in Prometheus' notation, such as "1m30s";
// in case of a fault, 0.
func (d *Decoder) Duration(n *yaml.Node, least, most time.Duration) time.Duration {
	show := func(d time.Duration) string { return model.Duration(d).String() }
	value, err := model.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || err != nil {
		d.Fault(n, "units are ms, s, m, h and d", "want a time from %s to %s, not %s", show(least), show(most), Describe(n))
		return 0
	}
	if time.Duration(value) < least || time.Duration(value) > most {
		d.Fault(n, "", "%s is out of range: want a time from %s to %s", n.Value, show(least), show(most))
		return 0
	}
	return time.Duration(value)
}

// sizeUnits are those of sizes with their powers of two. There is none such as MB, as
// some mean 2^20 bytes and others a million by it.
var sizeUnits = []struct {
	name  string
	shift int
}{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}}

// Size returns a number of bytes from least to most, such as "64MiB"; in case of a
// fault, 0.
func (d *Decoder) Size(n *yaml.Node, least, most int64) int64 {
	for _, unit := range sizeUnits {
		digits, ok := strings.CutSuffix(n.Value, unit.name)
		if !ok || n.Kind != yaml.ScalarNode || strings.Trim(digits, "0123456789") != "" || digits == "" {
			continue
		}
		value, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || value > most>>unit.shift || value<<unit.shift < least {
			d.Fault(n, "", "%s is out of range: want a size from %s to %s", n.Value, ShowSize(least), ShowSize(most))
			return 0
		}
		return value << unit.shift
	}
	d.Fault(n, "units are KiB, MiB and GiB", "want a size from %s to %s, not %s", ShowSize(least), ShowSize(most), Describe(n))
	return 0
}

// ShowSize writes a size in the greatest unit of which it is a multiple, as Size reads it.
func ShowSize(bytes int64) string {
	for _, unit := range sizeUnits {
		if bytes>>unit.shift<<unit.shift == bytes {
			return fmt.Sprintf("%d%s", bytes>>unit.shift, unit.name)
		}
	}
	return fmt.Sprint(bytes)
}

// Number returns a number from least to most; in case of a fault, 0.
func (d *Decoder) Number(n *yaml.Node, least, most float64) float64 {
	value := math.NaN()
	tag := n.ShortTag()
	if n.Kind != yaml.ScalarNode || tag != "!!int" && tag != "!!float" || n.Decode(&value) != nil || math.IsNaN(value) {
		d.Fault(n, "", "want a number from %g to %g, not %s", least, most, Describe(n))
		return 0
	}
	if value < least || value > most {
		d.Fault(n, "", "%s is out of range: want a number from %g to %g", n.Value, least, most)
		return 0
	}
	return value
}
