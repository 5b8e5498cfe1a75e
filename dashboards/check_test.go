package dashboards

import (
	"strings"
	"testing"

	"github.com/packetscope/packetscope/collector/metric"
)

const explained = "A description that is long enough to say what the number means and what to do."

// TestFaultyBoardsDoNotBuild damages a good board one fault at a time.
func TestFaultyBoardsDoNotBuild(t *testing.T) {
	good := func(q target) panel { return lines("Title", unitCount, explained, q).Span(width) }
	drops := total(metric.Drops.Name, "severity", "")
	for name, c := range map[string]struct {
		panels []panel
		want   string
	}{
		"unknown metric":   {[]panel{good(over(`sum(rate(packetscope_drop_total{<host>}[5m]))`, "x"))}, `no metric or recording rule is named "packetscope_drop_total"`},
		"unknown label":    {[]panel{good(over(total(metric.Drops.Name, "severty", ""), "{{severty}}"))}, `"severty" is no label`},
		"unknown matcher":  {[]panel{good(over(total(metric.Drops.Name, "", `,x="y"`), "x"))}, `"x" is no label`},
		"unknown variable": {[]panel{good(over(total(metric.Drops.Name, "", `,reason="$reason"`), "x"))}, "no variable is named reason"},
		"all hosts":        {[]panel{good(over(`sum(rate(packetscope_drops_total[$__rate_interval]))`, "x"))}, "is of all hosts"},
		"zero":             {[]panel{good(over(total(metric.Drops.Name, "", "")+" or vector(0)", "x"))}, "makes a missing value look like 0"},
		"no legend":        {[]panel{good(over(drops, ""))}, "it has no legend"},
		"same legend":      {[]panel{good(over(drops, "drops"))}, "does not tell series apart by severity"},
		"wrong legend":     {[]panel{good(over(drops, "{{severity}} {{layer}}"))}, "names a label that the result has not"},
		"no query":         {[]panel{lines("Title", unitCount, explained).Span(width)}, "it has no query"},
		"no description":   {[]panel{lines("Title", unitCount, "Drops.", over(drops, "{{severity}}")).Span(width)}, "its description does not say"},
		"no unit":          {[]panel{lines("Title", "", explained, over(drops, "{{severity}}")).Span(width)}, "it has no unit"},
		"same ref":         {[]panel{grid("Title", explained, rows("A", drops), rows("A", drops))}, "two queries are named A"},
		"same title":       {[]panel{good(over(drops, "{{severity}}")), good(over(drops, "{{severity}}"))}, "have the same id"},
		"gap":              {[]panel{lines("Title", unitCount, explained, over(drops, "{{severity}}"))}, "the last line ends at column 12 of 24"},
		"overflow": {[]panel{lines("Title", unitCount, explained, over(drops, "{{severity}}")),
			lines("Other", unitCount, explained, over(drops, "{{severity}}")).Span(13)}, "ends at column 25 of 24"},
		"uneven": {[]panel{lines("Title", unitCount, explained, over(drops, "{{severity}}")),
			lines("Other", unitCount, explained, over(drops, "{{severity}}")).Height(3)}, "is 3 high, its neighbour 8"},
	} {
		b := Board{Name: "x", Title: "X", rows: []row{{title: "Row", panels: c.panels}}}
		_, err := b.JSON()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	b := Board{Name: "x", Title: "X", rows: []row{{title: "Row", panels: []panel{good(over(drops, "{{severity}}"))}}}}
	if _, err := b.JSON(); err != nil {
		t.Errorf("the good board: %v", err)
	}
}

func TestVariablesAndAnnotationsAreCheckedToo(t *testing.T) {
	for want, b := range map[string]Board{
		`variable "x": "colour" is no label`:   {more: []variable{selection("x", "X", "d", "label_values(packetscope_flows, colour)", ".+")}},
		`variable "x": "flows" is not label_v`: {more: []variable{selection("x", "X", "d", "flows", ".+")}},
		`annotation "x": 1:1: no metric`:       {marks: []annotation{{name: "x", expr: "nothing"}}},
	} {
		if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestInterpolate(t *testing.T) {
	got, unknown := Interpolate(`a{b=~"$x",c="${y:regex}"} [$__z] "$1" $w`, map[string]string{"x": "1.", "y": "2", "__z": "5m"})
	if want := `a{b=~"1.",c="2"} [5m] "$1" $w`; got != want || len(unknown) != 1 || unknown[0] != "w" {
		t.Errorf("%s with unknown %v, want %s", got, unknown, want)
	}
}
