package fact

import (
	"math"
	"strconv"
	"strings"
)

// A Unit is that of a value.
type Unit string

// The units. Rates are per second.
const (
	None            Unit = ""
	Ratio           Unit = "ratio" // from 0 to 1
	Seconds         Unit = "seconds"
	Bytes           Unit = "bytes"
	BytesPerSecond  Unit = "bytes/s"
	PerSecond       Unit = "1/s"
	PacketsPerSec   Unit = "packets/s"
	Connections     Unit = "connections"
	ConnectionsPerS Unit = "connections/s"
	CPUs            Unit = "cpus"
	Hops            Unit = "hops"
	Points          Unit = "points" // of 100
	Times           Unit = "times"  // a factor
	State           Unit = "state"  // 1 is yes and 0 is no
)

// A scale is a word for a unit and what a value in base units is multiplied with.
type scale struct {
	word string
	by   float64
}

// is tells whether a word is that of the scale, or its singular.
func (s scale) is(word string) bool { return word == s.word || word == singular(s.word) }

func singular(word string) string {
	if len(word) > 3 {
		return strings.TrimSuffix(word, "s")
	}
	return word
}

// scales are the words in which a unit may be said. The first ones are used by Show, from
// the smallest unit up.
var scales = map[Unit][]scale{
	None:            {{"", 1}, {"times", 1}},
	Ratio:           {{"%", 100}, {"", 1}, {"percent", 100}},
	Seconds:         {{"µs", 1e6}, {"ms", 1e3}, {"seconds", 1}, {"minutes", 1. / 60}, {"hours", 1. / 3600}, {"days", 1. / 86400}, {"s", 1}, {"us", 1e6}, {"milliseconds", 1e3}, {"microseconds", 1e6}},
	Bytes:           {{"bytes", 1}, {"kB", 1e-3}, {"MB", 1e-6}, {"GB", 1e-9}},
	BytesPerSecond:  {{"bytes", 1}, {"kB", 1e-3}, {"MB", 1e-6}, {"GB", 1e-9}},
	PerSecond:       {{"per", 1}, {"", 1}},
	PacketsPerSec:   {{"packets", 1}, {"", 1}},
	Connections:     {{"connections", 1}, {"", 1}},
	ConnectionsPerS: {{"connections", 1}, {"", 1}},
	CPUs:            {{"CPUs", 1}},
	Hops:            {{"hops", 1}},
	Points:          {{"points", 1}, {"", 1}},
	Times:           {{"times", 1}},
}

// IsUnit tells whether a word is one in which a unit is said.
func IsUnit(word string) bool {
	for _, all := range scales {
		for _, s := range all {
			if s.is(word) && word != "" {
				return true
			}
		}
	}
	return false
}

// Show returns the value with its unit, to three digits, as a part of a sentence.
func (f Fact) Show() string {
	if f.Text != "" {
		return f.Text
	}
	digits := func(by float64) string { return number(f.Value * by) }
	counted := func(by float64, word string) string {
		if n := digits(by); n == "1" {
			return n + " " + singular(word)
		}
		return digits(by) + " " + word
	}
	switch f.Unit {
	case State:
		if f.Value == 0 {
			return "no"
		}
		return "yes"
	case Ratio:
		return digits(100) + " %"
	case Seconds:
		s := scales[Seconds][timeScale(f.Value)]
		return counted(s.by, s.word)
	case Bytes, BytesPerSecond:
		s := scales[Bytes][byteScale(f.Value)]
		text := counted(s.by, s.word)
		if f.Unit == BytesPerSecond {
			text += " per second"
		}
		return text
	case PerSecond:
		return digits(1) + " per second"
	case PacketsPerSec:
		return counted(1, "packets") + " per second"
	case ConnectionsPerS:
		return counted(1, "connections") + " per second"
	case None:
		return digits(1)
	}
	return counted(1, scales[f.Unit][0].word)
}

// timeScale returns the index of the scale in which a time is between 1 and some hundreds.
func timeScale(v float64) int {
	for i, most := range []float64{1e-3, 1, 180, 3600, 172800} {
		if math.Abs(v) < most && (v != 0 || i == 2) {
			return i
		}
	}
	return 5
}

func byteScale(v float64) int {
	for i, most := range []float64{1e4, 1e6, 1e9} {
		if math.Abs(v) < most {
			return i
		}
	}
	return 3
}

// Round returns a value to three significant digits.
func Round(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return v
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 2, 64), 64)
	if err != nil {
		return v
	}
	return r
}

func number(v float64) string { return strconv.FormatFloat(Round(v), 'f', -1, 64) }

// Says tells whether a number, as it is written in a text with the word behind it ("" if
// that is no unit), is the value of the fact: to its own digits if those are two or more,
// and never farther off than one in twenty. The window of the fact, and how long ago it
// was, are its numbers too.
func (f Fact) Says(written string, word string) bool {
	n, err := strconv.ParseFloat(written, 64)
	if err != nil {
		return false
	}
	for _, s := range scales[f.Unit] {
		if f.Text == "" && s.is(word) && near(n, f.Value*s.by, written) {
			return true
		}
	}
	for _, d := range []float64{f.Window.Seconds(), f.Before.Seconds()} {
		for _, s := range scales[Seconds] {
			if d > 0 && s.is(word) && math.Abs(n-d*s.by) < 1e-9*n {
				return true
			}
		}
	}
	return false
}

func near(n, v float64, written string) bool {
	if n == v {
		return true
	}
	off := math.Abs(n - v)
	if off <= 0.005001*math.Abs(v) {
		return true
	}
	decimals := 0
	for i := range written {
		if written[i] == '.' {
			decimals = len(written) - i - 1
		}
	}
	half := 0.5000001 * math.Pow(10, -float64(decimals))
	return off <= half && off <= 0.05*math.Abs(v)
}
